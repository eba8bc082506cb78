package telemetry

import (
	"math"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Bounds of a Quantile: what is older or further back is forgotten.
const (
	window  = 5 * time.Minute
	samples = 512
)

// Quantile holds the latest observations of a duration and tells their median.
// It is exact over at most 512 observations of the last five minutes, which is
// what a gauge on a dashboard needs; use a histogram to add up containers. It
// may be used by many goroutines; observing costs one uncontended lock.
type Quantile struct {
	now func() time.Time
	all prometheus.Histogram // observes the same; may be nil

	mu   sync.Mutex
	ring [samples]sample
	n    int // observations ever made
}

type sample struct {
	at   time.Time
	took time.Duration
}

// NewQuantile returns an empty one.
func NewQuantile() *Quantile { return &Quantile{now: time.Now} }

// Observe adds one observation.
func (q *Quantile) Observe(d time.Duration) {
	now := q.now()
	if q.all != nil {
		q.all.Observe(d.Seconds())
	}
	q.mu.Lock()
	q.ring[q.n%samples] = sample{now, d}
	q.n++
	q.mu.Unlock()
}

// P50 returns the median in milliseconds, the lower one of two, and NaN when
// there is no observation in the window.
func (q *Quantile) P50() float64 {
	oldest := q.now().Add(-window)
	took := make([]time.Duration, 0, samples)
	q.mu.Lock()
	for _, s := range q.ring[:min(q.n, samples)] {
		if s.at.After(oldest) {
			took = append(took, s.took)
		}
	}
	q.mu.Unlock()
	if len(took) == 0 {
		return math.NaN()
	}
	slices.Sort(took)
	return ms(took[(len(took)-1)/2])
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
