package bench

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/vegascore/vegascore/infra/dev/load/client"
)

// Connections is what connections that say nothing cost a server: medians of the
// rounds, in which the servers take turns.
type Connections struct {
	Server      string  `json:"server"`
	Connections int     `json:"connections"`
	Rounds      int     `json:"rounds"`
	KiB         float64 `json:"kib_each"`    // resident memory after garbage collection, over that of the same server before
	CPU         float64 `json:"cpu_ms_each"` // of connecting, handshake to namespace
	PerSecond   float64 `json:"connects_per_second"`
}

// atOnce is how many handshakes are under way.
const atOnce = 32

// idle measures every server, fresh processes each time.
func (b *bench) idle(ctx context.Context) ([]Connections, error) {
	rounds := map[string][]Connections{}
	for range b.fanoutRounds {
		for _, server := range b.servers() {
			c, err := b.hold(ctx, server)
			if err != nil {
				return nil, fmt.Errorf("connections to %s: %w", server.name, err)
			}
			b.say("%d connections to %-10s %6.1f KiB and %.3f ms of CPU each", c.Connections, server.name, c.KiB, c.CPU)
			rounds[server.name] = append(rounds[server.name], c)
		}
	}
	var all []Connections
	for _, server := range b.servers() {
		of := func(figure func(Connections) float64) float64 {
			var values []float64
			for _, c := range rounds[server.name] {
				values = append(values, figure(c))
			}
			return median(values)
		}
		m := rounds[server.name][0]
		m.Rounds = b.fanoutRounds
		m.KiB = of(func(c Connections) float64 { return c.KiB })
		m.CPU = of(func(c Connections) float64 { return c.CPU })
		m.PerSecond = of(func(c Connections) float64 { return c.PerSecond })
		all = append(all, m)
	}
	return all, nil
}

// hold connects, looks, and leaves. A tenth of the connections come and go before the
// first look, so that what a server makes once is not counted.
func (b *bench) hold(ctx context.Context, server server) (Connections, error) {
	c := Connections{Server: server.name, Connections: b.connections}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	p, err := server.start("")
	if err != nil {
		return c, err
	}
	defer p.end()
	url, err := p.address(ctx)
	if err != nil {
		return c, err
	}
	first, err := dial(ctx, url, b.connections/10)
	hangUp(first)
	if err != nil {
		return c, err
	}
	before, err := resident(ctx, p.Pid(), url)
	if err != nil {
		return c, err
	}
	used, err := cpu(p.Pid())
	if err != nil {
		return c, err
	}
	began := time.Now()
	all, err := dial(ctx, url, b.connections)
	defer hangUp(all)
	if err != nil {
		return c, err
	}
	c.PerSecond = float64(b.connections) / time.Since(began).Seconds()
	after, err := cpu(p.Pid())
	if err != nil {
		return c, err
	}
	c.CPU = (after - used).Seconds() * 1000 / float64(b.connections)
	now, err := resident(ctx, p.Pid(), url)
	c.KiB = float64(now-before) / float64(b.connections)
	return c, err
}

// dial opens n connections.
func dial(ctx context.Context, url string, n int) ([]*client.Client, error) {
	all, errs := make([]*client.Client, n), make([]error, atOnce)
	var wg sync.WaitGroup
	for worker := range atOnce {
		wg.Go(func() { // bounded by ctx
			for i := worker; i < n && errs[worker] == nil; i += atOnce {
				all[i], errs[worker] = client.Dial(ctx, url, client.Options{})
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return all, err
		}
	}
	return all, nil
}

func hangUp(all []*client.Client) {
	var wg sync.WaitGroup
	for _, c := range all {
		if c != nil {
			wg.Go(c.Close)
		}
	}
	wg.Wait()
}

// resident is the memory of a process in KiB, after it collected its garbage.
func resident(ctx context.Context, pid int, url string) (int, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/gc", nil)
	if err != nil {
		return 0, err
	}
	request.Close = true
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, fmt.Errorf("collect garbage: %w", err)
	}
	_ = answer.Body.Close() // it is empty
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		return 0, fmt.Errorf("read memory: %w", err)
	}
	_, rest, _ := bytes.Cut(text, []byte("VmRSS:"))
	fields := bytes.Fields(rest)
	if len(fields) == 0 {
		return 0, fmt.Errorf("read memory: no VmRSS")
	}
	return strconv.Atoi(string(fields[0]))
}
