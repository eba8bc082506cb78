package bench

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/vegascore/vegascore/shared/child"
)

// Tracing is how bets fare with one share of traces exported.
type Tracing struct {
	Exported   string  `json:"exported"`
	PerSecond  float64 `json:"bets_per_second"`
	CPU        float64 `json:"cpu_ms_per_1000_bets"` // of the service; below 0 where unknown
	Bytes      int64   `json:"bytes_exported"`       // as on the wire
	WrongMoney int64   `json:"wrong_money"`          // must be 0, as in Bets
}

// tracingSide is a service that exports one share.
type tracingSide struct {
	name, sampler, share string // no sampler: no collector
	service              *process
	clients              *clients
	rates, used          []float64
	sent                 atomic.Int64 // bytes
}

// tracing measures no export, one trace in a hundred, and all, in turn. The collector
// takes everything and does nothing with it.
func (b *bench) tracing(ctx context.Context, env *environment) ([]Tracing, error) {
	sides := []*tracingSide{{name: "none"}, {name: "1 in 100", sampler: "traceidratio", share: "0.01"}, {name: "all", sampler: "always_on"}}
	for _, s := range sides {
		collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			n, _ := io.Copy(io.Discard, r.Body) // what was cut off was sent too
			s.sent.Add(n)
		}))
		defer collector.Close()
		if err := s.start(ctx, b, env, collector.URL); err != nil {
			return nil, fmt.Errorf("tracing: %w", err)
		}
		defer s.service.end()
		defer s.clients.close()
	}
	for round := range b.rounds + 1 { // the first one warms up
		for _, s := range sides {
			if err := s.press(ctx, b.roundTime, round > 0); err != nil {
				return nil, fmt.Errorf("tracing: %w", err)
			}
		}
	}
	var all []Tracing
	for _, s := range sides {
		t := Tracing{Exported: s.name, PerSecond: median(s.rates), CPU: median(s.used), Bytes: s.sent.Load(), WrongMoney: int64(s.clients.wrong())}
		b.say("traces exported, %s: %.0f bets/s, %.0f ms of CPU for 1,000", t.Exported, t.PerSecond, t.CPU)
		all = append(all, t)
	}
	return all, nil
}

func (s *tracingSide) start(ctx context.Context, b *bench, env *environment, collector string) error {
	port, err := child.Port()
	if err != nil {
		return err
	}
	variables := env.variables("actions", strconv.Itoa(port))
	variables["DATABASE_URL"], variables["DB_REVISIONS"] = env.poolURL, "1"
	variables["OTEL_EXPORTER_OTLP_ENDPOINT"] = ""
	if s.sampler != "" {
		variables["OTEL_EXPORTER_OTLP_ENDPOINT"], variables["OTEL_TRACES_SAMPLER"], variables["OTEL_TRACES_SAMPLER_ARG"] = collector, s.sampler, s.share
	}
	if s.service, err = launch(variables, b.binary("actions")); err != nil {
		return err
	}
	base := "http://127.0.0.1:" + strconv.Itoa(port)
	if err := s.service.ready(ctx, base); err != nil {
		s.service.end()
		return err
	}
	if s.clients, err = newClients(ctx, "tracing"+s.sampler, base, b.clients, b.playersPerClient); err != nil {
		s.service.end()
		return fmt.Errorf("%w: %s", err, s.service.said)
	}
	return nil
}

func (s *tracingSide) press(ctx context.Context, d time.Duration, counts bool) error {
	before, err := cpu(s.service.Pid())
	bets := s.clients.bets()
	rate, failed := s.clients.run(ctx, d)
	if failed != nil {
		return failed
	}
	if !counts {
		return nil
	}
	s.rates = append(s.rates, rate)
	after, again := cpu(s.service.Pid())
	if err != nil || again != nil || s.clients.bets() == bets {
		s.used = append(s.used, -1)
		return nil
	}
	s.used = append(s.used, 1000*ms(after-before)/float64(s.clients.bets()-bets))
	return nil
}

func (r *Result) writeTracing(w io.Writer) {
	none := r.Tracing[0]
	fmt.Fprintf(w, "\nTracing, bets over HTTP as in production, medians of rounds in turn; the collector only reads\n")
	fmt.Fprintf(w, "  %-10s %10s %8s %18s %8s %12s\n", "exported", "bets/s", "to none", "CPU ms/1,000 bets", "to none", "KiB sent")
	for _, t := range r.Tracing {
		fmt.Fprintf(w, "  %-10s %10.0f %8.2f %18.0f %8.2f %12d\n", t.Exported, t.PerSecond, t.PerSecond/max(none.PerSecond, 1e-9), t.CPU, t.CPU/max(none.CPU, 1e-9), t.Bytes>>10)
	}
}
