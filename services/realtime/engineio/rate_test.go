package engineio

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestRatesHoldInEveryWindow: whatever is asked and when, no stretch of time
// sees more than the burst and what the rate adds, and what was refused is
// taken after the wait.
func TestRatesHoldInEveryWindow(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r := Rate{
			PerSecond: float64(rapid.IntRange(1, 2000).Draw(t, "tenths per second")) / 10,
			Burst:     rapid.IntRange(1, 50).Draw(t, "burst"),
		}
		type take struct {
			at time.Duration
			n  int
		}
		var m meter
		var taken []take
		now := time.Duration(0)
		for range rapid.IntRange(1, 60).Draw(t, "takes") {
			now += time.Duration(rapid.IntRange(0, 1000).Draw(t, "pause")) * time.Millisecond
			n := rapid.IntRange(1, r.Burst).Draw(t, "n")
			wait, ok := m.take(r, now, n)
			if !ok {
				if wait <= 0 {
					t.Fatalf("refused with a wait of %v", wait)
				}
				now += wait
				if wait, ok = m.take(r, now, n); !ok {
					t.Fatalf("refused after the wait: %v more", wait)
				}
			}
			taken = append(taken, take{now, n})
		}
		for i := range taken {
			sum := 0
			for _, last := range taken[i:] {
				sum += last.n
				most := float64(r.Burst) + r.PerSecond*(last.at-taken[i].at).Seconds()
				if float64(sum) > most+1e-3 {
					t.Fatalf("%d in %v, at most %.3f were to be", sum, last.at-taken[i].at, most)
				}
			}
		}
	})
}

func TestAnUnusedRateGivesItsWholeBurst(t *testing.T) {
	t.Parallel()
	r := Rate{PerSecond: 2, Burst: 4}
	var m meter
	for i := range 4 {
		if _, ok := m.take(r, time.Hour, 1); !ok {
			t.Fatalf("take %d of the burst was refused", i)
		}
	}
	if wait, ok := m.take(r, time.Hour, 1); ok || wait != 500*time.Millisecond {
		t.Errorf("after the burst: taken %t, wait %v; want refused for 500 ms", ok, wait)
	}
	if _, ok := m.take(r, time.Hour+500*time.Millisecond, 1); !ok {
		t.Error("after 500 ms: refused")
	}
}
