package bench

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/vegascore/vegascore/shared/child"
)

// Probes is how /health answers when many ask at once while PostgreSQL and Redis hang:
// connected, and silent.
type Probes struct {
	Service string        `json:"service"`
	AtOnce  int           `json:"at_once"`
	Bursts  int           `json:"bursts"`
	P50     time.Duration `json:"p50_ns"`
	P99     time.Duration `json:"p99_ns"`
	Worst   time.Duration `json:"worst_ns"`
}

// probes measures the actions service next to the bare server, which has nothing to
// ask, in turn.
func (b *bench) probes(ctx context.Context, env *environment) ([]Probes, error) {
	way, address, err := newLine(ctx, env.poolURL, 0)
	if err != nil {
		return nil, err
	}
	defer way.close()
	type side struct {
		name, path string
		port       int
		took       []time.Duration
	}
	sides := []*side{{name: bareServer, path: "/ready"}, {name: "actions", path: "/health"}}
	for _, s := range sides {
		if s.port, err = child.Port(); err != nil {
			return nil, err
		}
		variables := env.variables(s.name, strconv.Itoa(s.port))
		if s.name != bareServer {
			variables["DATABASE_URL"], variables["REDIS_URL"] = address, env.redis.URL()
		}
		service, err := launch(variables, b.binary(s.name))
		if err != nil {
			return nil, err
		}
		defer service.end()
		if err := service.ready(ctx, "http://127.0.0.1:"+strconv.Itoa(s.port)); err != nil {
			return nil, err
		}
	}
	way.silence()
	if err := env.redis.Freeze(); err != nil {
		return nil, fmt.Errorf("probes: %w", err)
	}
	defer func() { _ = env.redis.Thaw() }() // the next part would find it silent, and say so
	if err := hung(ctx, "http://127.0.0.1:"+strconv.Itoa(sides[1].port)); err != nil {
		return nil, fmt.Errorf("probes: %w", err)
	}
	for range b.rounds {
		for _, s := range sides {
			took, err := burst(ctx, "127.0.0.1:"+strconv.Itoa(s.port), s.path, b.probesAtOnce)
			if err != nil {
				return nil, fmt.Errorf("probes: %w", err)
			}
			s.took = append(s.took, took...)
		}
	}
	var all []Probes
	for _, s := range sides {
		p := Probes{Service: s.name, AtOnce: b.probesAtOnce, Bursts: b.rounds, P50: quantile(s.took, 0.5), P99: quantile(s.took, 0.99), Worst: quantile(s.took, 1)}
		b.say("%-8s %d probes at once: p99 %.1f ms", p.Service, p.AtOnce, ms(p.P99))
		all = append(all, p)
	}
	return all, nil
}

// hung waits until the service has noticed that both do not answer.
func hung(ctx context.Context, base string) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/health", nil)
		if err != nil {
			return err
		}
		request.Close = true
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			return fmt.Errorf("wait for the hung servers to be noticed: %w", err)
		}
		text, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if err == nil && answer.StatusCode == http.StatusServiceUnavailable && strings.Contains(string(text), `"redis_timeout"`) {
			return nil
		}
		<-time.After(20 * time.Millisecond)
	}
}

// burst opens n connections, sends one probe on each at the same moment, and returns
// how long each answer took from that moment.
func burst(ctx context.Context, host, path string, n int) ([]time.Duration, error) {
	conns := make([]net.Conn, n)
	for i := range conns {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", host)
		if err != nil {
			return nil, err
		}
		defer conn.Close()
		conns[i] = conn
	}
	request := "GET " + path + " HTTP/1.1\r\nHost: " + host + "\r\n\r\n"
	took, errs := make([]time.Duration, n), make([]error, n)
	begin := make(chan struct{})
	var began time.Time
	var wg sync.WaitGroup
	for i, conn := range conns {
		wg.Go(func() { // ends with its answer
			<-begin
			if _, errs[i] = io.WriteString(conn, request); errs[i] != nil {
				return
			}
			answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				errs[i] = err
				return
			}
			_, errs[i] = io.Copy(io.Discard, answer.Body)
			took[i] = time.Since(began)
		})
	}
	began = time.Now()
	close(begin)
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return took, nil
}
