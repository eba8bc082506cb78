// Package testclient runs the Node scripts of this folder for tests: real
// socket.io clients, a socket.io server on the Redis adapter, and the Redis
// emitter. Each script is driven by one JSON command a line and says one JSON
// line for everything that happens; the head of a script lists its commands.
package testclient

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience bounds every wait.
const patience = 15 * time.Second

// Script is a running script. Its methods may be called concurrently.
type Script struct {
	t    testing.TB
	in   io.WriteCloser
	done chan struct{} // closed when the process has ended

	mu    sync.Mutex
	refs  int
	lines []Line        // said and not taken yet
	news  chan struct{} // closed when a line was added
}

// Command is what a script is told. Do names it.
type Command map[string]any

// Line is what a script says. The raw fields keep their text: key order counts.
type Line struct {
	On        string          `json:"on"`
	Ref       int             `json:"ref"`
	Client    string          `json:"client"`
	Event     string          `json:"event"`
	ID        string          `json:"id"`
	UID       string          `json:"uid"`
	Port      int             `json:"port"`
	Reason    string          `json:"reason"`
	Message   string          `json:"message"`
	WantsAck  bool            `json:"wants_ack"`
	Recovered bool            `json:"recovered"`
	Args      json.RawMessage `json:"args"`
	Value     json.RawMessage `json:"value"`
	Data      json.RawMessage `json:"data"`
}

// Start runs a script, such as client.mjs, until the test ends. The
// environment gets env, as NAME=value. Missing npm packages are installed first.
func Start(t testing.TB, script string, env ...string) *Script {
	t.Helper()
	dir, err := install()
	if err != nil {
		t.Fatalf("start %s: %v", script, err)
	}
	cmd := exec.Command("node", script)
	cmd.Dir, cmd.Stderr = dir, os.Stderr
	cmd.Env = append(os.Environ(), env...)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatalf("start %s: %v", script, err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatalf("start %s: %v", script, err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("start %s: %v", script, err)
	}
	s := &Script{t: t, in: in, done: make(chan struct{}), news: make(chan struct{})}
	go func() { // ends with the process
		defer close(s.done)
		s.read(out)
		_ = cmd.Wait() // how a script ends at the end of its input does not matter
	}()
	t.Cleanup(func() {
		in.Close()
		select {
		case <-s.done:
		case <-time.After(patience):
			_ = cmd.Process.Kill() // it may have ended just now
			<-s.done
			t.Errorf("%s did not end with its input", script)
		}
	})
	return s
}

// read keeps what the script says.
func (s *Script) read(out io.Reader) {
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var l Line
		if json.Unmarshal(lines.Bytes(), &l) != nil {
			continue // a library's own output
		}
		s.mu.Lock()
		s.lines = append(s.lines, l)
		close(s.news)
		s.news = make(chan struct{})
		s.mu.Unlock()
	}
}

// Next waits for a line that fits and takes it; lines that do not fit stay for
// later calls. It fails the test when there is none in time.
func (s *Script) Next(what string, fits func(Line) bool) Line {
	s.t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	for {
		l, ok, news := s.take(fits)
		if ok {
			return l
		}
		select {
		case <-news:
		case <-deadline.C:
			s.mu.Lock()
			defer s.mu.Unlock()
			s.t.Fatalf("not in time: %s; lines not taken: %+v", what, s.lines)
		}
	}
}

// Take is Next without waiting; ok is false when no line fits.
func (s *Script) Take(fits func(Line) bool) (l Line, ok bool) {
	l, ok, _ = s.take(fits)
	return l, ok
}

func (s *Script) take(fits func(Line) bool) (l Line, ok bool, news <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.lines, fits)
	if i < 0 {
		return Line{}, false, s.news
	}
	l = s.lines[i]
	s.lines = slices.Delete(s.lines, i, i+1)
	return l, true, nil
}

// On waits for what happens to one client: connect, disconnect, event, ...
func (s *Script) On(client, on string) Line {
	s.t.Helper()
	return s.Next(client+" "+on, func(l Line) bool { return l.Client == client && l.On == on })
}

// Tell sends a command.
func (s *Script) Tell(c Command) {
	s.t.Helper()
	text, err := json.Marshal(c)
	if err != nil {
		s.t.Fatalf("tell %v: %v", c, err)
	}
	if _, err := s.in.Write(append(text, '\n')); err != nil {
		s.t.Fatalf("tell %v: %v", c, err)
	}
}

// Ask sends a command and waits for its answer, or the error with which the
// script answered.
func (s *Script) Ask(c Command) (json.RawMessage, error) {
	s.t.Helper()
	s.mu.Lock()
	s.refs++
	ref := s.refs
	s.mu.Unlock()
	c["ref"] = ref
	s.Tell(c)
	l := s.Next(fmt.Sprint("answer to ", c), func(l Line) bool { return l.Ref == ref })
	if l.On == "error" {
		return nil, errors.New(l.Message)
	}
	return l.Value, nil
}

// Install makes sure that node_modules of this folder is there.
func Install(t testing.TB) {
	t.Helper()
	if _, err := install(); err != nil {
		t.Fatal(err)
	}
}

// install gets the packages that the scripts need, once for all test processes,
// and returns the folder of the scripts.
var install = sync.OnceValues(func() (string, error) {
	_, file, _, ok := runtime.Caller(0)
	if !ok {
		return "", errors.New("no folder of this file known")
	}
	dir := filepath.Dir(file)
	if installed(dir) {
		return dir, nil
	}
	lock, err := os.Open(dir)
	if err != nil {
		return "", err
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return "", fmt.Errorf("lock %s: %w", dir, err)
	}
	if installed(dir) { // by another process meanwhile
		return dir, nil
	}
	npm := exec.Command("npm", "ci", "--no-audit", "--no-fund")
	npm.Dir = dir
	if out, err := npm.CombinedOutput(); err != nil {
		return "", fmt.Errorf("npm ci in %s: %w\n%s", dir, err, out)
	}
	return dir, nil
})

// installed reports whether npm came to the end of its work: it writes this
// file last.
func installed(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "node_modules", ".package-lock.json"))
	return err == nil
}
