package load

import (
	"context"
	"fmt"
	"time"

	"github.com/vegascore/vegascore/infra/dev/load/latency"
)

// live prints a line a second until ctx ends.
func (r *run) live(ctx context.Context) {
	fmt.Fprintf(r.opts.Out, "%6s %8s %8s %9s %9s %13s %9s %7s %6s\n", "time", "sockets", "bets/s", "p50", "p99", "deliveries/s", "lag p99", "errors", "gaps")
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	began, last := time.Now(), time.Now()
	var deliveries int64
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		seconds := time.Since(last).Seconds()
		last = time.Now()
		answers := r.window.Swap(&latency.Histogram{})
		now := r.deliveries.Load()
		fmt.Fprintf(r.opts.Out, "%5.0fs %8d %8.0f %9s %9s %13.0f %9s %7d %6d\n",
			time.Since(began).Seconds(), r.sockets.Load(), float64(answers.Count())/seconds,
			short(answers.Quantile(0.5)), short(answers.Quantile(0.99)), float64(now-deliveries)/seconds,
			short(r.lag.Quantile(0.99)), r.failures(), r.gaps.Load())
		deliveries = now
	}
}

func (r *run) failures() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for _, count := range r.errors {
		n += count
	}
	return n
}

// short is a duration in milliseconds with what matters of its digits.
func short(d time.Duration) string {
	ms := float64(d) / float64(time.Millisecond)
	if ms >= 100 {
		return fmt.Sprintf("%.0f ms", ms)
	}
	return fmt.Sprintf("%.1f ms", ms)
}
