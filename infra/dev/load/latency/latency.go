// Package latency counts durations in buckets, so that millions of them cost
// nothing to keep and their percentiles are known within 1.6%.
package latency

import (
	"math/bits"
	"sync/atomic"
	"time"
)

// Each power of two of nanoseconds is split into 64 buckets of the same width.
const (
	fine    = 6
	perStep = 1 << fine
	buckets = (64 - fine + 1) * perStep
)

// Histogram counts durations. The zero value is ready; its methods may be called
// concurrently.
type Histogram struct {
	counts [buckets]atomic.Uint64
	count  atomic.Uint64
	max    atomic.Int64
}

// Add counts one duration; a negative one counts as 0.
func (h *Histogram) Add(d time.Duration) {
	d = max(d, 0)
	h.counts[bucket(uint64(d))].Add(1)
	h.count.Add(1)
	for {
		most := h.max.Load()
		if int64(d) <= most || h.max.CompareAndSwap(most, int64(d)) {
			return
		}
	}
}

// Count is how many durations were added.
func (h *Histogram) Count() uint64 { return h.count.Load() }

// Max is the longest duration, exactly.
func (h *Histogram) Max() time.Duration { return time.Duration(h.max.Load()) }

// Quantile is the duration that the share q (0 to 1) of all does not exceed; 0 when
// there is none.
func (h *Histogram) Quantile(q float64) time.Duration {
	rank := uint64(q * float64(h.count.Load()))
	var seen uint64
	for i := range h.counts {
		if seen += h.counts[i].Load(); seen > rank {
			return min(upper(i), h.Max())
		}
	}
	return h.Max()
}

// bucket is the index for n nanoseconds: exact below 64, then by the leading bits.
func bucket(n uint64) int {
	if n < perStep {
		return int(n)
	}
	shift := bits.Len64(n) - fine - 1
	return shift<<fine + int(n>>shift)
}

// upper is the longest duration in a bucket.
func upper(i int) time.Duration {
	if i < 2*perStep {
		return time.Duration(i)
	}
	shift := i>>fine - 1
	return time.Duration((uint64(i-shift<<fine)+1)<<shift - 1)
}
