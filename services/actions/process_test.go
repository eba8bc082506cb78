package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/vegascore/vegascore/shared/auth"
	"github.com/vegascore/vegascore/shared/ledger/oracle"
	"github.com/vegascore/vegascore/shared/pgtest"
)

// childVariable makes the test binary run as the service.
const childVariable = "ACTIONS_TEST_CHILD"

// patience bounds every wait on a busy machine.
const patience = 30 * time.Second

func TestMain(m *testing.M) {
	if os.Getenv(childVariable) != "" {
		main()
		return
	}
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("go.opencensus.io/stats/view.(*worker).start")) // of the Pub/Sub client, when it is loaded
}

// signingKey is the key of every service of this test binary.
var signingKey = sync.OnceValue(func() []byte {
	private, _, err := auth.GenerateKey("test")
	if err != nil {
		panic(err)
	}
	return private
})

// service is the deployable as a process of its own.
type service struct {
	t        *testing.T
	cmd      *exec.Cmd
	url      string // of the players' listener
	internal string // of the internal one
	exited   chan struct{}

	mu        sync.Mutex
	log       bytes.Buffer
	exchanges []exchange
}

// launch starts the service on free ports and returns when it listens. env is added
// to what it needs at least.
func launch(t *testing.T, pg *pgtest.Database, env ...string) *service {
	t.Helper()
	s := &service{t: t, cmd: exec.Command(os.Args[0]), exited: make(chan struct{})}
	s.cmd.Env = append([]string{
		childVariable + "=1", "PORT=0", "LOCAL_ONLY=true", "DATABASE_URL=" + pg.URL, "MAX_DB_CONNECTIONS=8",
		"TOKEN_SIGNING_KEY=" + string(signingKey()), "GOOGLE_CLOUD_PROJECT=test", "PUBSUB_EMULATOR_HOST=127.0.0.1:1",
	}, env...)
	out, err := s.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go s.follow(out) // ends with the process
	t.Cleanup(func() { s.kill(); s.conforms() })
	s.url = "http://" + s.wait("listening")["addr"].(string)
	s.internal = "http://" + s.wait("internal listener is up")["addr"].(string)
	return s
}

// begin starts the service on a database of its own and waits until it is ready. The
// oracle is asked when the test has ended.
func begin(t *testing.T, env ...string) (*service, *pgtest.Database) {
	t.Helper()
	pg := pgtest.New(t)
	oracle.Watch(t, pg)
	s := launch(t, pg, env...)
	s.ready()
	return s, pg
}

func (s *service) follow(out io.Reader) {
	defer close(s.exited)
	for lines := bufio.NewScanner(out); lines.Scan(); {
		s.mu.Lock()
		s.log.Write(append(lines.Bytes(), '\n'))
		s.mu.Unlock()
	}
	_ = s.cmd.Wait() // read through ProcessState
}

// logged is the log so far.
func (s *service) logged() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.String()
}

// wait returns the first log record with the message.
func (s *service) wait(message string) (record map[string]any) {
	s.t.Helper()
	eventually(s.t, "log "+message+" in "+s.logged(), func() bool {
		for line := range strings.Lines(s.logged()) {
			record = map[string]any{}
			if json.Unmarshal([]byte(line), &record) == nil && record["message"] == message {
				return true
			}
		}
		return false
	})
	return record
}

func (s *service) ready() {
	s.t.Helper()
	eventually(s.t, "ready", func() bool { return s.get("/ready").status == http.StatusOK })
}

// kill ends the process at once.
func (s *service) kill() {
	_ = s.cmd.Process.Kill() // unless it has ended
	<-s.exited
}

// terminate sends SIGTERM and returns the exit code and how long the end took.
func (s *service) terminate() (code int, took time.Duration) {
	s.t.Helper()
	start := time.Now()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		s.t.Fatal(err)
	}
	select {
	case <-s.exited:
	case <-time.After(patience):
		s.t.Fatalf("the process did not end: %s", s.logged())
	}
	return s.cmd.ProcessState.ExitCode(), time.Since(start)
}

// reply is an answer of the service.
type reply struct {
	status int
	header http.Header
	body   string
}

// code is the code of a problem document.
func (r reply) code() string {
	var p struct{ Code string }
	_ = json.Unmarshal([]byte(r.body), &p) // no document, no code
	return p.Code
}

// into reads the body.
func (r reply) into(t *testing.T, v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(r.body), v); err != nil {
		t.Fatalf("%d %q: %v", r.status, r.body, err)
	}
}

// once leaves no connection behind.
var once = http.Client{Transport: &http.Transport{DisableKeepAlives: true}}

// send sends a request with headers in pairs; status 0 means that there was no answer.
func (s *service) send(method, path, body string, headers ...string) reply {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, s.url+path, strings.NewReader(body))
	if err != nil {
		return reply{body: err.Error()}
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header[headers[i]] = append(r.Header[headers[i]], headers[i+1])
	}
	resp, err := once.Do(r)
	if err != nil {
		return reply{body: err.Error()}
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return reply{body: err.Error()}
	}
	return s.heard(r, body, reply{resp.StatusCode, resp.Header, string(text)})
}

func (s *service) get(path string, headers ...string) reply {
	return s.send(http.MethodGet, path, "", headers...)
}

func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); ; <-tick.C {
		if done() {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("not within %s: %s", patience, what)
		}
	}
}
