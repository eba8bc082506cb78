package gate

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"cloud.google.com/go/run/apiv2/runpb"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"

	"github.com/vegascore/vegascore/jobs/rollout/internal/fakerun"
)

// fresh is what share of the traffic new revisions have, by service in the order of
// names.
func fresh(s *fakerun.Server, first map[string]string) []int32 {
	var all []int32
	for _, name := range names {
		all = append(all, 100-share(s.Service(name), first[name]))
	}
	return all
}

func TestNoServiceTakesTrafficBeforeAllAreReady(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		sick int // the canary step, counted from 1, at which one service is not healthy; 0: none
		want [][]int32
	}{
		{"healthy", 0, [][]int32{{10, 10, 10}, {50, 50, 50}, {100, 100, 100}}},
		{"unhealthy at 10%", 1, [][]int32{{10, 10, 10}}},
		{"unhealthy at 50%", 2, [][]int32{{10, 10, 10}, {50, 50, 50}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := world(t)
			first := revisions(s)
			var mu sync.Mutex
			var steps [][]int32
			tested, watched := 0, 0
			err := gate(t, connect(t, s, 0), release(1), verdicts{
				smoke: func(service string) error {
					tested++
					if diff := cmp.Diff([]int32{0, 0, 0}, fresh(s, first)); diff != "" {
						t.Errorf("while %s is tested: %s", service, diff)
					}
					for _, name := range names {
						if short(s.Service(name).GetLatestReadyRevision()) == first[name] {
							t.Errorf("%s is tested before %s is deployed", service, short(name))
						}
					}
					return nil
				},
				watch: func(service string) error {
					mu.Lock()
					defer mu.Unlock()
					if watched++; watched%len(names) == 1 {
						steps = append(steps, fresh(s, first))
					}
					if service == "realtime" && len(steps) == c.sick {
						return errors.New("sick")
					}
					return nil
				},
			}).Run(t.Context())
			if (err == nil) != (c.sick == 0) || c.sick > 0 && !errors.Is(err, ErrUnhealthy) {
				t.Fatalf("got %v", err)
			}
			if tested != len(names) {
				t.Errorf("%d services were tested", tested)
			}
			if diff := cmp.Diff(c.want, steps); diff != "" {
				t.Error(diff)
			}
			if old := serving(t, s, first); old != (c.sick > 0) {
				t.Errorf("at the end on the old revisions: %v", old)
			}
		})
	}
}

// Somebody changes a service, or the job, between each reading and writing of a rollout.
// It ends as stale, with the old split in force.
func TestAStaleEtagEndsTheRolloutAndRestores(t *testing.T) {
	t.Parallel()
	for n := int64(1); ; n++ {
		s := world(t)
		first := revisions(s)
		var writes atomic.Int64
		what := ""
		meddle := func(ctx context.Context, method string, request, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
			name := ""
			switch r := request.(type) {
			case *runpb.UpdateServiceRequest:
				name = r.GetService().GetName()
			case *runpb.UpdateJobRequest:
				name = r.GetJob().GetName()
			case *runpb.RunJobRequest:
				name = r.GetName()
			}
			if name != "" && writes.Add(1) == n {
				what = fmt.Sprintf("write %d, %s of %s", n, short(method), short(name))
				s.Touch(name)
			}
			return invoke(ctx, method, request, reply, cc, opts...)
		}
		err := gate(t, connectThrough(t, s, meddle), release(1), verdicts{}).Run(t.Context())
		if what == "" {
			if err != nil || n < 15 {
				t.Errorf("undisturbed, %d writes: %v", n-1, err)
			}
			t.Logf("a rollout makes %d writes", n-1)
			return
		}
		if !errors.Is(err, ErrStale) || errors.Is(err, ErrNotRestored) {
			t.Errorf("%s: got %v", what, err)
		}
		if !serving(t, s, first) {
			t.Errorf("%s: the old revisions have not all traffic", what)
		}
		if err := gate(t, connect(t, s, 0), release(2), verdicts{}).Run(t.Context()); err != nil || serving(t, s, first) {
			t.Errorf("%s, then the next release: %v", what, err)
		}
		s.Close()
	}
}

// After a way back by hand it is not known since when older code has had no traffic.
func TestAWayBackByHandHoldsContractMigrationsUp(t *testing.T) {
	t.Parallel()
	s := world(t)
	first := revisions(s)
	if err := gate(t, connect(t, s, 0), release(1), verdicts{}).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	byHand := gate(t, connect(t, s, 0), release(1), verdicts{})
	service, err := byHand.service(t.Context(), names[1])
	if err != nil {
		t.Fatal(err)
	}
	if _, err := byHand.route(t.Context(), service, []Share{{Revision: first[names[1]], Percent: 100}}); err != nil {
		t.Fatal(err)
	}
	since := "nothing"
	s.Execute = func(_ string, env map[string]string) bool { since = env["OLD_CODE_GONE_SINCE"]; return true }
	for n := 2; n <= 3; n++ {
		if err := gate(t, connect(t, s, 0), release(n), verdicts{}).Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		if known := since != ""; known != (n == 3) {
			t.Errorf("release %d is told %q", n, since)
		}
	}
}
