package command

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// process is a run of the rollout as a process of its own.
func (r *rig) process(t *testing.T, binary string) (cmd *exec.Cmd, log *bytes.Buffer) {
	t.Helper()
	cmd, log = exec.CommandContext(t.Context(), binary), &bytes.Buffer{}
	cmd.Env, cmd.Stdout, cmd.Stderr = append(r.environ(), "HOME="+os.TempDir()), log, log
	return cmd, log
}

// where says on which images all traffic is: "old", "new", or what is in between.
func (r *rig) where() string {
	var all []string
	for _, name := range []string{"events", "actions", "realtime"} {
		service := r.api.Service(place + "/services/" + name)
		at := fmt.Sprint(service.GetTrafficStatuses())
		if states := service.GetTrafficStatuses(); len(states) == 1 && states[0].GetPercent() == 100 && states[0].GetTag() == "" {
			if at = "old"; states[0].GetRevision() != r.first[name] {
				at = "new"
			}
		}
		if len(all) == 0 || all[0] != at {
			all = append(all, at)
		}
	}
	return strings.Join(all, ", ")
}

// TestAKilledProcessIsFinishedByTheNext kills the rollout with SIGKILL when a call has had
// its effect and is not answered yet: 20 calls spread over a whole rollout, every one with
// VEGAS_SOAK. The same build then runs again, and ends on the new revisions; or on the old
// ones when these are found sick.
func TestAKilledProcessIsFinishedByTheNext(t *testing.T) {
	t.Parallel()
	binary := filepath.Join(t.TempDir(), "rollout")
	if out, err := exec.Command("go", "build", "-o", binary, "../..").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	calm := newRig(t)
	cmd, log := calm.process(t, binary)
	if err := cmd.Run(); err != nil || calm.where() != "new" {
		t.Fatalf("undisturbed: %v, on %s: %s", err, calm.where(), log)
	}
	calls := calm.api.Calls()
	kills := 20
	if os.Getenv("VEGAS_SOAK") != "" {
		kills = 2 * calls // each with a healthy and a sick release after it
	}
	began := time.Now()
	for i := range kills {
		at, sick := 1+i*calls/kills, i%2 == 1
		r := newRig(t)
		started := make(chan *os.Process, 1)
		r.api.OnCall(func(n int) {
			if n == at {
				_ = (<-started).Kill()
			}
		})
		first, _ := r.process(t, binary)
		if err := first.Start(); err != nil {
			t.Fatal(err)
		}
		started <- first.Process
		if err := first.Wait(); err == nil && at < calls {
			t.Errorf("call %d of %d: not killed", at, calls)
		}
		done := strings.Contains(r.api.Job(place + "/jobs/migrate").GetAnnotations()["rollout.vegascore.dev/state"], `"released"`)
		r.sick.Store(sick)
		next, log := r.process(t, binary)
		err := next.Run()
		want := "new"
		if sick && !done {
			want = "old"
		}
		if got := r.where(); got != want || (err == nil) != (want == "new") {
			t.Errorf("killed at call %d of %d, then %v: on %s, want %s\n%s", at, calls, err, got, want, log)
		}
	}
	t.Logf("%d kills over %d calls, all finished, in %s", kills, calls, time.Since(began).Round(time.Millisecond))
}
