package command

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"

	"github.com/vegascore/vegascore/jobs/rollout/internal/fakerun"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*persistConn).readLoop"), goleak.IgnoreAnyFunction("net/http.(*persistConn).writeLoop"))
}

const (
	commit = "0123456789abcdef0123456789abcdef01234567"
	place  = "projects/vegas/locations/europe-west1"
)

var digest = "@sha256:" + strings.Repeat("ab", 32)

// rig is an API, and one address at which all new revisions answer.
type rig struct {
	api     *fakerun.Server
	sick    atomic.Bool // the revisions answer /health with 503
	version atomic.Value
	first   map[string]string // the old revisions, by service
}

func newRig(t *testing.T) *rig {
	t.Helper()
	api, err := fakerun.New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(api.Close)
	r := &rig{api: api, first: map[string]string{}}
	r.version.Store(commit)
	revisions := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if q.URL.Path == "/health" && r.sick.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
			fmt.Fprint(w, `{"status":"unhealthy"}`)
			return
		}
		fmt.Fprintf(w, `{"ready":true,"status":"healthy","version":%q}`, r.version.Load())
	}))
	t.Cleanup(revisions.Close)
	api.URI = func(string, string, string) string { return revisions.URL }
	for _, name := range []string{"events", "actions", "realtime"} {
		api.AddService(place+"/services/"+name, "old")
		r.first[name] = api.Service(place + "/services/" + name).GetTrafficStatuses()[0].GetRevision()
	}
	api.AddJob(place+"/jobs/migrate", "old")
	return r
}

// environ is what the command needs.
func (r *rig) environ() []string {
	return []string{
		"PROJECT_ID=vegas", "REGION=europe-west1", "COMMIT_SHA=" + commit, "BUILD_ID=b1", "BUILD_CREATED=2026-11-22T12:00:00Z",
		"MIGRATE_IMAGE=r/migrate" + digest, "SERVICE_IMAGES=events=r/events" + digest + ",actions=r/actions" + digest + ",realtime=r/realtime" + digest,
		"CANARY_STEPS=10,50", "CANARY_SOAK=20ms", "PROBE_EVERY=5ms", "PROBE_IDENTITY=none", "RUN_ENDPOINT=" + r.api.Addr(),
	}
}

// run runs the command with variables changed as NAME=value.
func (r *rig) run(t *testing.T, args []string, changed ...string) (code int, out, log string) {
	t.Helper()
	environ := append(r.environ(), changed...)
	var stdout, stderr bytes.Buffer
	code = Run(t.Context(), Input{Args: args, Environ: environ, Stdout: &stdout, Stderr: &stderr})
	return code, stdout.String(), stderr.String()
}

func TestAReleaseIsPlannedThenRolledOut(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	code, out, log := r.run(t, []string{"plan"})
	if code != OK || r.api.Writes(place+"/services/events") != 0 {
		t.Fatalf("plan: %d\n%s", code, log)
	}
	for _, want := range []string{"migrate", "deploy realtime", "now events-00001", "10%", "100%", "tag c-01234567"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if code, _, log := r.run(t, nil); code != OK || !strings.Contains(log, `"message":"released"`) {
		t.Fatalf("%d\n%s", code, log)
	}
	if code, _, log := r.run(t, nil, "BUILD_ID=b2", "BUILD_CREATED=2026-11-22T11:00:00Z", "COMMIT_SHA=ffffffffffff"); code != Refused {
		t.Errorf("an older build: %d\n%s", code, log)
	}
	if _, out, _ := r.run(t, []string{"plan"}, "BUILD_ID=b2", "BUILD_CREATED=2026-11-22T11:00:00Z"); !strings.Contains(out, "would not begin") {
		t.Errorf("the plan of an older build:\n%s", out)
	}
}

func TestExitCodesTellHowItEnded(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.sick.Store(true)
	if code, _, log := r.run(t, nil); code != Failed || !strings.Contains(log, "traffic restored") {
		t.Errorf("unhealthy: %d\n%s", code, log)
	}
	r.sick.Store(false)
	r.version.Store("another")
	if code, _, log := r.run(t, nil); code != Failed || !strings.Contains(log, `want \"`+commit) {
		t.Errorf("another version answers: %d\n%s", code, log)
	}
	r.api.Execute = func(string, map[string]string) bool { return false }
	if code, _, log := r.run(t, nil); code != Failed || !strings.Contains(log, "the migration failed") {
		t.Errorf("failed migration: %d\n%s", code, log)
	}
	r.api.Close()
	if code, _, _ := r.run(t, nil, "TIMEOUT=300ms"); code != Failed {
		t.Errorf("no API: %d", code)
	}
}

func TestAWrongEnvironmentIsNamed(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for _, c := range []struct{ set, want string }{
		{"COMMIT_SHA=HEAD", "COMMIT_SHA"},
		{"COMMIT_SHA=", "COMMIT_SHA"},
		{"MIGRATE_IMAGE=r/migrate:latest", "digest"},
		{"SERVICE_IMAGES=events", "SERVICE_IMAGES"},
		{"SERVICE_IMAGES=events=r/events:v1", "digest"},
		{"CANARY_STEPS=50,10", "ascending"},
		{"CANARY_STEPS=0", "ascending"},
		{"CANARY_STEPS=101", "ascending"},
		{"BUILD_CREATED=yesterday", "Created"},
		{"PROBE_IDENTITY=maybe", "PROBE_IDENTITY"},
		{"LEASE=1m", "LEASE"},
	} {
		if code, _, log := r.run(t, nil, c.set); code != Usage || !strings.Contains(log, c.want) {
			t.Errorf("%s: %d %s", c.set, code, log)
		}
	}
	for _, args := range [][]string{{"deploy"}, {"plan", "now"}, {"-x"}} {
		if code, _, _ := r.run(t, args); code != Usage {
			t.Errorf("%v: %d", args, code)
		}
	}
	if n := r.api.Calls(); n != 0 {
		t.Errorf("%d calls", n)
	}
}
