package gate

import (
	"fmt"
	"testing"
	"time"
)

// maxCalls is more than a whole rollout makes.
const maxCalls = 300

// A rollout is killed after each of its calls, with the answer to the last one lost.
// The next run, of the same build or of a newer one when the lease has run out, ends
// with all services on the old or all on the new revisions, and nothing in between.
func TestARolloutThatIsKilledAnywhereIsFinishedByTheNext(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		next int
		bad  bool // the next run's canary is not healthy
	}{{"the same build again", 1, false}, {"a newer build", 2, false}, {"a newer build that is not healthy", 2, true}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for n := int64(1); ; n++ {
				if n > maxCalls {
					t.Fatalf("not finished after %d calls", maxCalls)
				}
				s := world(t)
				first := revisions(s)
				if gate(t, connect(t, s, n), release(1), verdicts{}).Run(t.Context()) == nil {
					t.Logf("a whole rollout makes %d calls", n-1)
					return
				}
				next := gate(t, connect(t, s, 0), release(c.next), verdicts{watch: func(string) error {
					if c.bad {
						return fmt.Errorf("not healthy")
					}
					return nil
				}})
				next.now = func() time.Time { return time.Now().Add(2 * time.Hour) } // the lease has run out
				err := next.Run(t.Context())
				if c.bad == (err == nil) {
					t.Fatalf("killed after %d calls, then: %v", n, err)
				}
				old := serving(t, s, first)
				done := s.Service(names[0]).GetTemplate() != nil && released(t, s.Job(job).GetAnnotations()[annotation])
				if old != c.bad && (old || !c.bad || !done) {
					t.Fatalf("killed after %d calls: on the old revisions: %v", n, old)
				}
				s.Close()
			}
		})
	}
}
