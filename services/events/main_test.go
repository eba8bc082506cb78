package main

import (
	"bufio"
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
)

// childVariable makes the test binary run as the service.
const childVariable = "EVENTS_TEST_CHILD"

// patience bounds every wait on a busy machine.
const patience = 20 * time.Second

func TestMain(m *testing.M) {
	if os.Getenv(childVariable) != "" {
		main()
		return
	}
	goleak.VerifyTestMain(m)
}

// process is the service as a process of its own.
type process struct {
	t        *testing.T
	cmd      *exec.Cmd
	url      string // of the public listener
	internal string // of the internal one
	exited   chan struct{}

	mu    sync.Mutex
	lines []map[string]any // of its log
}

// launch starts the service on free ports and returns when it listens. env is added
// to what the service needs at least.
func launch(t *testing.T, env ...string) *process {
	t.Helper()
	p := &process{t: t, cmd: exec.Command(os.Args[0]), exited: make(chan struct{})}
	p.cmd.Env = append([]string{childVariable + "=1", "PORT=0", "LOCAL_ONLY=true", "LOG_LEVEL=DEBUG"}, env...)
	log, err := p.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go p.follow(log) // ends with the process
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill() // unless it has ended
		<-p.exited
	})
	p.url = "http://" + p.wait("listening")["addr"].(string)
	p.internal = "http://" + p.wait("internal listener is up")["addr"].(string)
	return p
}

func (p *process) follow(log io.Reader) {
	defer close(p.exited)
	for lines := bufio.NewScanner(log); lines.Scan(); {
		record := map[string]any{}
		if json.Unmarshal(lines.Bytes(), &record) != nil {
			record["message"] = lines.Text()
		}
		p.mu.Lock()
		p.lines = append(p.lines, record)
		p.mu.Unlock()
	}
	_ = p.cmd.Wait() // read through ProcessState
}

// find returns the first record with the message, or nil.
func (p *process) find(message string) map[string]any {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, record := range p.lines {
		if text, _ := record["message"].(string); strings.Contains(text, message) {
			return record
		}
	}
	return nil
}

// wait polls for a log record.
func (p *process) wait(message string) map[string]any {
	p.t.Helper()
	var record map[string]any
	eventually(p.t, "log "+message, func() bool {
		record = p.find(message)
		return record != nil
	})
	return record
}

// terminate sends SIGTERM and returns the exit code and the time that the end took.
func (p *process) terminate() (code int, took time.Duration) {
	p.t.Helper()
	start := time.Now()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		p.t.Fatal(err)
	}
	select {
	case <-p.exited:
	case <-time.After(patience):
		p.t.Fatal("the process did not end")
	}
	return p.cmd.ProcessState.ExitCode(), time.Since(start)
}

// once leaves no connection behind.
var once = http.Client{Transport: &http.Transport{DisableKeepAlives: true}}

// get returns status and body of a GET.
func get(t *testing.T, url string) (int, string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := once.Do(r)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
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
