package bench

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/vegascore/vegascore/shared/child"
)

// Start is how long a service takes from exec to the first 200 of /ready, each time
// a new process.
type Start struct {
	Service  string        `json:"service"`
	Attempts int           `json:"attempts"`
	Best     time.Duration `json:"best_ns"`
	Median   time.Duration `json:"median_ns"`
	Worst    time.Duration `json:"worst_ns"`
}

// bareServer is the peer: net/http and nothing else.
const bareServer = "bare"

// starts measures the services in turn, so that a busy moment meets all of them.
func (b *bench) starts(ctx context.Context, env *environment) ([]Start, error) {
	names := []string{bareServer, "realtime", "actions", "events"}
	took := map[string][]time.Duration{}
	for range b.startAttempts {
		for _, name := range names {
			d, err := b.startOnce(ctx, env, name)
			if err != nil {
				return nil, fmt.Errorf("start %s: %w", name, err)
			}
			took[name] = append(took[name], d)
		}
	}
	var all []Start
	for _, name := range names {
		slices.Sort(took[name])
		s := Start{Service: name, Attempts: b.startAttempts, Best: took[name][0], Median: took[name][b.startAttempts/2], Worst: took[name][b.startAttempts-1]}
		b.say("%-8s ready after %.1f ms", name, ms(s.Median))
		all = append(all, s)
	}
	return all, nil
}

func (b *bench) startOnce(ctx context.Context, env *environment, name string) (time.Duration, error) {
	port, err := child.Port()
	if err != nil {
		return 0, err
	}
	began := time.Now()
	p, err := launch(env.variables(name, strconv.Itoa(port)), b.binary(name))
	if err != nil {
		return 0, err
	}
	defer func() { _ = p.Kill() }() // its figure is taken
	err = p.ready(ctx, "http://127.0.0.1:"+strconv.Itoa(port))
	return time.Since(began), err
}

// ready polls /ready until it is 200.
func (p *process) ready(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	transport := &http.Transport{DisableKeepAlives: true}
	client := &http.Client{Transport: transport, Timeout: 5 * time.Second}
	for {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, address+"/ready", nil)
		if err != nil {
			return err
		}
		answer, err := client.Do(r)
		if err == nil {
			answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-p.Done():
			return fmt.Errorf("it ended: %s", p.said)
		case <-ctx.Done():
			return fmt.Errorf("not ready: %w: %s", ctx.Err(), p.said)
		case <-time.After(200 * time.Microsecond): // far less than any start
		}
	}
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
