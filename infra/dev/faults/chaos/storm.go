package chaos

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// Strike is something that breaks.
type Strike struct {
	Name string
	Do   func()
}

// Storm is what was broken, and for how long nobody had an answer each time.
type Storm map[string][]time.Duration

// Storm strikes in turn, with random pauses of at most most between, until the crowd is
// done. Each strike comes once at least.
func (f *Floor) Storm(crowd *Crowd, most time.Duration, strikes ...Strike) Storm {
	gaps := Storm{}
	for n := 0; ; n++ {
		strike := strikes[n%len(strikes)]
		select {
		case <-crowd.Done():
			if n >= len(strikes) {
				return gaps
			}
		case <-time.After(rand.N(most)):
		}
		crowd.Mark()
		strike.Do()
		crowd.settleDown(most / 4)
		gaps[strike.Name] = append(gaps[strike.Name], crowd.Mark())
	}
}

// settleDown waits until orders are carried out again, and a while longer: the gap that a
// strike makes can begin a little after it.
func (c *Crowd) settleDown(while time.Duration) {
	began := time.Now()
	for deadline := began.Add(patience); time.Now().Before(deadline); {
		c.mu.Lock()
		quiet := time.Since(c.heard)
		c.mu.Unlock()
		if time.Since(began) > while && quiet < while/4 {
			return
		}
		select {
		case <-c.done:
			return
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// Strikes is how many there were.
func (s Storm) Strikes() (n int) {
	for _, gaps := range s {
		n += len(gaps)
	}
	return n
}

// String names each strike with how often it came and its gaps.
func (s Storm) String() string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(s)) {
		gaps := slices.Sorted(slices.Values(s[name]))
		all = append(all, fmt.Sprintf("%s %d times (gap median %s, longest %s)", name, len(gaps),
			gaps[len(gaps)/2].Round(time.Millisecond), gaps[len(gaps)-1].Round(time.Millisecond)))
	}
	return strings.Join(all, ", ")
}
