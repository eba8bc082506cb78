package cluster

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"testing"
)

// scripts are the Node programs that stand for the clients and peers people use.
const scripts = "../testclient"

// script is one of them, driven over stdin, one JSON command a line.
type script struct {
	in   io.WriteCloser
	cmd  *exec.Cmd
	done chan struct{} // closed when the process has ended

	mu    sync.Mutex
	refs  int
	lines []line
}

// line is what a script says. Value and Args keep their text: key order counts.
type line struct {
	On       string          `json:"on"`
	Ref      int             `json:"ref"`
	Client   string          `json:"client"`
	Event    string          `json:"event"`
	Message  string          `json:"message"`
	ID       string          `json:"id"`
	UID      string          `json:"uid"`
	Port     int             `json:"port"`
	WantsAck bool            `json:"wants_ack"`
	Reason   string          `json:"reason"`
	Args     json.RawMessage `json:"args"`
	Value    json.RawMessage `json:"value"`
}

// install gets the packages that the scripts need, once for all test processes.
var install = sync.OnceValue(func() error {
	if _, err := os.Stat(filepath.Join(scripts, "node_modules")); err == nil {
		return nil
	}
	dir, err := os.Open(scripts)
	if err != nil {
		return err
	}
	defer dir.Close()
	if err := syscall.Flock(int(dir.Fd()), syscall.LOCK_EX); err != nil {
		return fmt.Errorf("lock %s: %w", scripts, err)
	}
	if _, err := os.Stat(filepath.Join(scripts, "node_modules")); err == nil {
		return nil
	}
	npm := exec.Command("npm", "ci", "--no-audit", "--no-fund")
	npm.Dir = scripts
	if out, err := npm.CombinedOutput(); err != nil {
		return fmt.Errorf("npm ci: %w\n%s", err, out)
	}
	return nil
})

// run starts a script; it ends with the test.
func run(t *testing.T, name, redisURL string, args ...string) *script {
	t.Helper()
	if err := install(); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("node", append([]string{name}, args...)...)
	cmd.Dir = scripts
	return runCommand(t, cmd, redisURL)
}

// runCommand starts a program that speaks as the scripts do.
func runCommand(t *testing.T, cmd *exec.Cmd, redisURL string) *script {
	t.Helper()
	cmd.Stderr = t.Output()
	cmd.Env = append(cmd.Environ(), "REDIS_URL="+redisURL)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s := &script{in: in, cmd: cmd, done: make(chan struct{})}
	go func() { // ends with the process
		defer close(s.done)
		lines := bufio.NewScanner(out)
		lines.Buffer(nil, 16<<20)
		for lines.Scan() {
			var l line
			if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
				continue // not ours
			}
			s.mu.Lock()
			s.lines = append(s.lines, l)
			s.mu.Unlock()
		}
		_ = cmd.Wait() // how a script ends at the end of its input does not matter
	}()
	t.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Process.Signal(syscall.SIGCONT) // if the test has stopped it
		<-s.done
	})
	return s
}

func (s *script) signal(t *testing.T, sig os.Signal) {
	t.Helper()
	if err := s.cmd.Process.Signal(sig); err != nil {
		t.Fatal(err)
	}
}

// wait returns the first line that fits.
func (s *script) wait(t *testing.T, what string, fits func(line) bool) (found line) {
	t.Helper()
	eventually(t, what, func() (bool, any) {
		s.mu.Lock()
		defer s.mu.Unlock()
		i := slices.IndexFunc(s.lines, fits)
		if i < 0 {
			return false, slices.Clone(s.lines)
		}
		found = s.lines[i]
		return true, nil
	})
	return found
}

// do runs a command and returns its answer.
func (s *script) do(t *testing.T, command map[string]any) (json.RawMessage, error) {
	t.Helper()
	s.mu.Lock()
	s.refs++
	ref := s.refs
	s.mu.Unlock()
	command["ref"] = ref
	s.send(t, command)
	l := s.wait(t, fmt.Sprint("answer to ", command), func(l line) bool { return l.Ref == ref })
	if l.On == "error" {
		return nil, errors.New(l.Message)
	}
	return l.Value, nil
}

// must is do for commands that succeed.
func (s *script) must(t *testing.T, command map[string]any) json.RawMessage {
	t.Helper()
	value, err := s.do(t, command)
	if err != nil {
		t.Fatalf("%v: %v", command, err)
	}
	return value
}

func (s *script) send(t *testing.T, command map[string]any) {
	t.Helper()
	text, err := json.Marshal(command)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.in.Write(append(text, '\n')); err != nil {
		t.Fatal(err)
	}
}

// connect opens a client and returns its id.
func (s *script) connect(t *testing.T, client, url string) (id string) {
	t.Helper()
	s.send(t, map[string]any{"do": "connect", "client": client, "url": url, "options": map[string]any{"auth": map[string]any{"token": "x"}}})
	return s.wait(t, client+" connects", func(l line) bool { return l.On == "connect" && l.Client == client }).ID
}

// join puts a client into a room.
func (s *script) join(t *testing.T, client, room string) {
	t.Helper()
	s.must(t, map[string]any{"do": "emit", "client": client, "event": "join", "args": []string{room}})
}

// heard waits until a client has received exactly these arguments, in this order, as
// event name and JSON array.
func (s *script) heard(t *testing.T, client string, want ...string) {
	t.Helper()
	eventually(t, client+" hears", func() (bool, any) {
		s.mu.Lock()
		defer s.mu.Unlock()
		var got []string
		for _, l := range s.lines {
			if l.On == "event" && l.Client == client {
				got = append(got, l.Event+" "+string(l.Args))
			}
		}
		return slices.Equal(want, got), got
	})
}
