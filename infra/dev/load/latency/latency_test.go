package latency

import (
	"math/rand/v2"
	"testing"
	"time"
)

func TestEveryDurationIsInABucketThatHoldsIt(t *testing.T) {
	t.Parallel()
	for range 100_000 {
		n := rand.Uint64N(1 << rand.IntN(63))
		i := bucket(n)
		if top := uint64(upper(i)); top < n || float64(top-n) > float64(n)/64 {
			t.Fatalf("%d is in the bucket up to %d", n, top)
		}
		if i > 0 && uint64(upper(i-1)) >= n {
			t.Fatalf("%d would be in the bucket before", n)
		}
	}
}

func TestQuantiles(t *testing.T) {
	t.Parallel()
	var h Histogram
	if got := h.Quantile(0.5); got != 0 {
		t.Errorf("median of nothing is %s", got)
	}
	for ms := 1; ms <= 1000; ms++ {
		h.Add(time.Duration(ms) * time.Millisecond)
	}
	for _, c := range []struct {
		q    float64
		want time.Duration
	}{{0, time.Millisecond}, {0.5, 501 * time.Millisecond}, {0.99, 991 * time.Millisecond}, {1, time.Second}} {
		if got := h.Quantile(c.q); got < c.want || got > c.want+c.want/60 {
			t.Errorf("quantile %g is %s, want %s", c.q, got, c.want)
		}
	}
	if h.Max() != time.Second || h.Count() != 1000 {
		t.Errorf("longest %s of %d", h.Max(), h.Count())
	}
}
