package gate

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestAReleaseTakesAllTrafficAfterItsMigration(t *testing.T) {
	t.Parallel()
	s := world(t)
	first := revisions(s)
	var env map[string]string
	s.Execute = func(img string, given map[string]string) bool {
		env = given
		for _, name := range names {
			if s.Writes(name) != 0 {
				t.Errorf("%s was written to before the migration had ended", name)
			}
		}
		return img == image("migrate", 1)
	}
	if err := gate(t, connect(t, s, 0), release(1), verdicts{}).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if serving(t, s, first) {
		t.Error("the old revisions have the traffic")
	}
	if env["EXPECT_COMMIT"] != release(1).Commit || env["OLD_CODE_GONE_SINCE"] != "" {
		t.Errorf("the job got %v", env)
	}
	for _, name := range names {
		service := s.Service(name)
		if len(service.GetTraffic()) != 1 || service.GetTraffic()[0].GetTag() != "" || service.GetTraffic()[0].GetType() != byRevision {
			t.Errorf("%s: traffic is left as %v", name, service.GetTraffic())
		}
		if got := service.GetTemplate().GetContainers()[0].GetImage(); got != image(short(name), 1) {
			t.Errorf("%s runs %s", name, got)
		}
	}
	// Once more changes nothing; the release after it is told since when the old code is gone.
	calls := s.Calls()
	if err := gate(t, connect(t, s, 0), release(1), verdicts{}).Run(t.Context()); err != nil || s.Calls() != calls+1 {
		t.Errorf("a second run: %v, %d calls", err, s.Calls()-calls)
	}
	s.Execute = func(_ string, given map[string]string) bool { env = given; return true }
	if err := gate(t, connect(t, s, 0), release(2), verdicts{}).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if since, err := time.Parse(time.RFC3339, env["OLD_CODE_GONE_SINCE"]); err != nil || time.Since(since) > time.Minute {
		t.Errorf("the second job got %v, %v", env, err)
	}
}

func TestAFailedMigrationTouchesNoService(t *testing.T) {
	t.Parallel()
	s := world(t)
	s.Execute = func(string, map[string]string) bool { return false }
	err := gate(t, connect(t, s, 0), release(1), verdicts{}).Run(t.Context())
	if !errors.Is(err, ErrMigration) {
		t.Fatalf("got %v", err)
	}
	for _, name := range names {
		if n := s.Writes(name); n != 0 {
			t.Errorf("%s was written to %d times", name, n)
		}
	}
	s.Execute = nil
	if err := gate(t, connect(t, s, 0), release(2), verdicts{}).Run(t.Context()); err != nil {
		t.Errorf("the lease was kept: %v", err)
	}
}

func TestAFailureRestoresTheOldSplit(t *testing.T) {
	t.Parallel()
	bad := errors.New("bad")
	var watched atomic.Int64
	for _, c := range []struct {
		name  string
		judge verdicts
		start func(service, image string) bool
		want  error
	}{
		{"the smoke test of one service", verdicts{smoke: func(s string) error {
			if s == "realtime" {
				return bad
			}
			return nil
		}}, nil, ErrUnhealthy},
		{"one canary at its first step", verdicts{watch: func(s string) error {
			if s == "actions" {
				return bad
			}
			return nil
		}}, nil, ErrUnhealthy},
		{"a canary at its last step", verdicts{watch: func(s string) error {
			if s == "events" && watched.Add(1) == 3 {
				return bad
			}
			return nil
		}}, nil, ErrUnhealthy},
		{"a container that does not start", verdicts{}, func(service, img string) bool {
			return short(service) != "realtime" || img == oldImage
		}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := world(t)
			s.Start = c.start
			first := revisions(s)
			err := gate(t, connect(t, s, 0), release(1), c.judge).Run(t.Context())
			if err == nil || c.want != nil && !errors.Is(err, c.want) || errors.Is(err, ErrNotRestored) {
				t.Fatalf("got %v, want %v", err, c.want)
			}
			if !serving(t, s, first) {
				t.Error("the old revisions have not all traffic")
			}
			for _, name := range names {
				for _, target := range s.Service(name).GetTraffic() {
					if target.GetTag() != "" {
						t.Errorf("%s: tag %s is left", name, target.GetTag())
					}
				}
			}
			s.Start = nil
			if err := gate(t, connect(t, s, 0), release(2), verdicts{}).Run(t.Context()); err != nil || serving(t, s, first) {
				t.Errorf("the next release: %v", err)
			}
		})
	}
}

func TestOfRacingBuildsOneWins(t *testing.T) {
	t.Parallel()
	s := world(t)
	first := revisions(s)
	const builds = 8
	errs := make([]error, builds)
	var wg sync.WaitGroup
	hold := make(chan struct{})
	var lost atomic.Int64
	for i := range builds {
		g := gate(t, connect(t, s, 0), release(i+1), verdicts{smoke: func(string) error {
			<-hold // until all others have met the lease
			return nil
		}})
		wg.Go(func() {
			if errs[i] = g.Run(t.Context()); errs[i] != nil && lost.Add(1) == builds-1 {
				close(hold)
			}
		})
	}
	wg.Wait()
	won := 0
	for i, err := range errs {
		switch {
		case err == nil:
			won++
			for _, name := range names {
				if got := s.Service(name).GetTemplate().GetContainers()[0].GetImage(); got != image(short(name), i+1) {
					t.Errorf("build %d won and %s runs %s", i+1, name, got)
				}
			}
		case !errors.Is(err, ErrBusy):
			t.Errorf("build %d: %v", i+1, err)
		}
	}
	if won != 1 || serving(t, s, first) {
		t.Errorf("%d builds won", won)
	}
}

func TestAnOlderBuildNeverReplacesANewerOne(t *testing.T) {
	t.Parallel()
	s := world(t)
	if err := gate(t, connect(t, s, 0), release(2), verdicts{}).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	second := revisions(s)
	if err := gate(t, connect(t, s, 0), release(1), verdicts{}).Run(t.Context()); !errors.Is(err, ErrStale) {
		t.Errorf("got %v", err)
	}
	if !serving(t, s, second) {
		t.Error("the older build has the traffic")
	}
}
