package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/vegascore/vegascore/infra/dev/load/latency"
	"github.com/vegascore/vegascore/shared/localredis"
)

// Fanout is a server's figures in a scenario: medians of the rounds, in which the
// servers take turns.
type Fanout struct {
	Scenario   string        `json:"scenario"`
	About      string        `json:"about"`
	Server     string        `json:"server"`
	Members    int           `json:"members"`
	Deliveries int64         `json:"deliveries"`
	PerSecond  float64       `json:"deliveries_per_second"`
	CPU        float64       `json:"cpu_seconds_per_million"` // of all nodes, without Redis; below 0: unknown
	P50        time.Duration `json:"p50_ns"`                  // published to received
	P99        time.Duration `json:"p99_ns"`
	Lost       int64         `json:"lost"`
	Duplicated int64         `json:"duplicated"`
	Unordered  int64         `json:"out_of_order"`
}

// server is a program that takes join and publish.
type server struct {
	name  string
	start func(redis string) (*process, error)
}

func (b *bench) servers() []server {
	ours := func(flags ...string) func(string) (*process, error) {
		return func(redis string) (*process, error) {
			args := append([]string{"-addr", "127.0.0.1:0"}, flags...)
			if redis != "" {
				args = append(args, "-redis", redis)
			}
			return launch(nil, b.binary("fanout"), args...)
		}
	}
	return []server{
		{"vegascore", ours("-recovery", "2m")}, // as it is deployed: with a room log
		{"no log", ours()},
		{"socket.io", func(redis string) (*process, error) {
			args := []string{"--expose-gc", filepath.Join(b.Root, "infra/dev/bench/peer/server.mjs"), filepath.Join(b.Root, "services/realtime/testclient")}
			if redis != "" {
				args = append(args, redis)
			}
			return launch(map[string]string{"NODE_ENV": "production"}, "node", args...)
		}},
	}
}

// fanout measures every server in every scenario, fresh processes each time.
func (b *bench) fanout(ctx context.Context) ([]Fanout, error) {
	dir, err := os.MkdirTemp("", "vegas-bench-redis-")
	if err != nil {
		return nil, fmt.Errorf("make a folder for Redis: %w", err)
	}
	defer os.RemoveAll(dir)
	redis, err := localredis.Start(ctx, localredis.Options{Dir: dir})
	if err != nil {
		return nil, err
	}
	defer func() { _ = redis.Stop(context.WithoutCancel(ctx)) }() // its data is thrown away
	var all []Fanout
	for _, s := range scenarios {
		rounds := map[string][]Fanout{}
		for range b.fanoutRounds {
			for _, server := range b.servers() {
				f, err := b.broadcast(ctx, s, server, redis.URL())
				if err != nil {
					return all, fmt.Errorf("%s with %s: %w", s.Name, server.name, err)
				}
				b.say("%s %-10s %9.0f deliveries/s, CPU %.2f s per million", s.Name, server.name, f.PerSecond, f.CPU)
				rounds[server.name] = append(rounds[server.name], f)
			}
		}
		for _, server := range b.servers() {
			all = append(all, middle(rounds[server.name]))
		}
	}
	return all, nil
}

// middle is the median of each figure of several rounds; what went wrong adds up.
func middle(rounds []Fanout) Fanout {
	of := func(figure func(Fanout) float64) float64 {
		var values []float64
		for _, f := range rounds {
			values = append(values, figure(f))
		}
		return median(values)
	}
	m := rounds[0]
	m.PerSecond = of(func(f Fanout) float64 { return f.PerSecond })
	m.CPU = of(func(f Fanout) float64 { return f.CPU })
	m.P50 = time.Duration(of(func(f Fanout) float64 { return float64(f.P50) }))
	m.P99 = time.Duration(of(func(f Fanout) float64 { return float64(f.P99) }))
	for _, f := range rounds[1:] {
		m.Deliveries += f.Deliveries
		m.Lost += f.Lost
		m.Duplicated += f.Duplicated
		m.Unordered += f.Unordered
	}
	return m
}

// broadcast starts the nodes, fills the room, and measures.
func (b *bench) broadcast(ctx context.Context, s scenario, server server, redis string) (Fanout, error) {
	rooms, perRoom, publishers := b.shape(s)
	f := Fanout{Scenario: s.Name, About: s.about, Server: server.name, Members: rooms * perRoom}
	ctx, cancel := context.WithTimeout(ctx, 90*time.Second)
	defer cancel()
	if s.nodes == 1 {
		redis = ""
	}
	var nodes []*process
	var urls []string
	defer func() {
		for _, p := range nodes {
			p.end()
		}
	}()
	for range s.nodes {
		p, err := server.start(redis)
		if err != nil {
			return f, err
		}
		nodes = append(nodes, p)
		url, err := p.address(ctx)
		if err != nil {
			return f, err
		}
		urls = append(urls, url)
	}
	c, err := gather(ctx, urls, rooms, perRoom, publishers)
	if err != nil {
		return f, err
	}
	defer c.leave()
	if s.nodes > 1 {
		if err := c.meet(ctx, s.nodes); err != nil {
			return f, err
		}
	}
	publish := func(d time.Duration) error {
		ctx, cancel := context.WithTimeout(ctx, d)
		defer cancel()
		if s.rate > 0 {
			err = c.tick(ctx, s.rate, s.burst)
		} else {
			err = c.flood(ctx, s.inFlight)
		}
		return errors.Join(err, c.drain(10*time.Second))
	}
	if err := publish(b.warmUp); err != nil {
		return f, err
	}
	before, cpuErr := cpus(nodes)
	heard, began := c.heard(), time.Now()
	c.delays.Store(&latency.Histogram{})
	profiled := b.profile(ctx, s.Name+"-"+server.name, urls)
	if err := errors.Join(publish(b.fanoutTime), profiled()); err != nil {
		return f, err
	}
	took := time.Since(began)
	f.Deliveries = c.heard() - heard
	f.PerSecond = float64(f.Deliveries) / took.Seconds()
	f.CPU = -1
	if after, err := cpus(nodes); err == nil && cpuErr == nil && f.Deliveries > 0 {
		f.CPU = (after - before).Seconds() / float64(f.Deliveries) * 1e6
	}
	f.P50, f.P99 = c.delays.Load().Quantile(0.5), c.delays.Load().Quantile(0.99)
	c.leave() // the tracks belong to the readers until these have ended
	f.Lost, f.Duplicated, f.Unordered = c.judge()
	return f, nil
}

func cpus(nodes []*process) (sum time.Duration, err error) {
	for _, p := range nodes {
		used, err := cpu(p.Pid())
		if err != nil {
			return 0, err
		}
		sum += used
	}
	return sum, nil
}
