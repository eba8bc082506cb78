package engineio

import "time"

// Rate bounds how often something may happen: PerSecond in the long run, and
// Burst at once after a rest. With PerSecond 0 there is no bound.
type Rate struct {
	PerSecond float64
	Burst     int // at least 1 is meant when PerSecond is set
}

// bound reports whether there is anything to count.
func (r Rate) bound() bool { return r.PerSecond > 0 }

// span is how long n take at the rate.
func (r Rate) span(n int) time.Duration {
	return time.Duration(float64(n) / r.PerSecond * float64(time.Second))
}

// meter counts against a Rate in one number (the generic cell rate algorithm):
// the time at which the whole burst is there again. Its zero value has all of
// it. Times are those of one clock that begins at 0.
type meter time.Duration

// take reports whether n more may happen now. If not, nothing is counted, and
// wait is how long that stays so.
func (m *meter) take(r Rate, now time.Duration, n int) (wait time.Duration, ok bool) {
	whole := max(time.Duration(*m), now) + r.span(n)
	if wait = whole - now - r.span(max(r.Burst, 1)); wait > 0 {
		return wait, false
	}
	*m = meter(whole)
	return 0, true
}
