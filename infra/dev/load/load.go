// Package load drives players against a running platform, over sockets and HTTP as
// a browser would, and judges what they saw: every settled round of a table must
// reach every socket there exactly once and each player's rounds in order, and
// every balance must be what the player's own arithmetic says.
package load

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vegascore/vegascore/infra/dev/load/latency"
)

// signIns is how many players enter at the same time.
const signIns = 32

// run is the state of one run.
type run struct {
	opts    Options
	client  *http.Client
	tables  []*table
	players []*player

	budget     atomic.Int64 // bets that may still be made
	bets       atomic.Int64 // answered
	deliveries atomic.Int64 // round and balance events
	sockets    atomic.Int64 // connected and joined
	gaps       atomic.Int64 // connections that were lost

	answers latency.Histogram                 // of bets
	lag     latency.Histogram                 // settled to received
	window  atomic.Pointer[latency.Histogram] // answers since the last line of the live table

	mu     sync.Mutex
	errors map[string]int
}

// Run signs the players in, lets them bet until the time, the budget or ctx ends,
// waits for the last events, and reports. The error says that the run could not be
// made; what the platform did wrong is in the report.
func Run(ctx context.Context, opts Options) (*Report, error) {
	opts, err := opts.Validate()
	if err != nil {
		return nil, fmt.Errorf("load: %w", err)
	}
	r := &run{opts: opts, errors: map[string]int{}}
	transport := &http.Transport{MaxIdleConnsPerHost: opts.Players, IdleConnTimeout: time.Minute}
	r.client = &http.Client{Transport: transport}
	defer transport.CloseIdleConnections()
	r.budget.Store(opts.MaxBets)
	r.window.Store(&latency.Histogram{})
	for i := range opts.Tables {
		r.tables = append(r.tables, newTable(fmt.Sprintf("dice-%d", i+1)))
	}

	life, leave := context.WithCancel(context.WithoutCancel(ctx))
	var sockets sync.WaitGroup
	defer sockets.Wait()
	defer leave()
	if err := r.enter(ctx, life, &sockets); err != nil {
		return nil, fmt.Errorf("load: %w", err)
	}
	before, cpuErr := cpuSeconds(ctx, r.client, opts.Metrics)
	began := time.Now()
	r.bet(ctx)
	took := time.Since(began)
	r.settle(ctx)
	r.lookUp(ctx)
	var cpu float64
	if cpuErr == nil {
		var after float64
		after, cpuErr = cpuSeconds(life, r.client, opts.Metrics)
		cpu = after - before
	}
	leave()
	sockets.Wait()
	return r.report(took, cpu, cpuErr), nil
}

// enter signs all players in, connects them and joins their tables. Their sockets
// stay until life ends.
func (r *run) enter(ctx, life context.Context, sockets *sync.WaitGroup) error {
	fmt.Fprintf(r.opts.Out, "%d players enter %s\n", r.opts.Players, r.opts.URL)
	r.players = make([]*player, r.opts.Players)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	free := make(chan struct{}, signIns)
	var wg sync.WaitGroup
	for i := range r.players {
		wg.Go(func() { // bounded by ctx
			free <- struct{}{}
			defer func() { <-free }()
			p, err := r.signIn(ctx, i)
			if err == nil {
				r.players[i] = p
				err = p.connect(ctx)
			}
			if err != nil {
				cancel(fmt.Errorf("player %d: %w", i+1, err))
				return
			}
			sockets.Go(func() { p.stay(life) }) // ends with life
		})
	}
	wg.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

// bet lets the players bet and prints the live table meanwhile.
func (r *run) bet(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, r.opts.Time)
	defer cancel()
	betting, done := context.WithCancel(ctx)
	var live, wg sync.WaitGroup
	live.Go(func() { r.live(betting) }) // ends with betting
	for _, p := range r.players {
		wg.Go(func() { p.play(ctx) }) // ends with ctx or the budget
	}
	wg.Wait()
	done()
	live.Wait()
}

// settle waits until every socket has heard all that it should, for the grace at
// most, and then a moment for what it should not.
func (r *run) settle(ctx context.Context) {
	answered := map[*table]int64{}
	for _, p := range r.players {
		answered[p.ear.table] += int64(len(p.purse.rounds))
	}
	complete := func() bool {
		for _, p := range r.players {
			if !p.whole.Load() {
				continue
			}
			if p.rounds.Load() < answered[p.ear.table] || p.balances.Load() < int64(len(p.purse.rounds)) {
				return false
			}
		}
		return true
	}
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	deadline := time.After(r.opts.Grace)
	for !complete() {
		select {
		case <-ticker.C:
		case <-deadline:
			return
		case <-ctx.Done():
			return
		}
	}
	select {
	case <-time.After(min(r.opts.Grace, 300*time.Millisecond)):
	case <-ctx.Done():
	}
}

// lookUp compares every player's money with the platform's.
func (r *run) lookUp(ctx context.Context) {
	free := make(chan struct{}, signIns)
	var wg sync.WaitGroup
	for _, p := range r.players {
		free <- struct{}{}
		wg.Go(func() { // bounded by the request's time
			defer func() { <-free }()
			p.lookUp(ctx)
		})
	}
	wg.Wait()
}

// failed counts an error by its code.
func (r *run) failed(code string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.errors[code]++
}
