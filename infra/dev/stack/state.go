package stack

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/vegascore/vegascore/shared/child"
	"github.com/vegascore/vegascore/shared/localpg"
)

// state is the folder of a stack. One stack at a time holds it.
type state struct {
	dir   string
	lock  *os.File
	ports map[string]int // of the last start, by user
	used  map[int]bool   // handed out in this start
}

// openState locks the folder, making it if missing. The lock goes with the process.
func openState(ctx context.Context, dir string, reset bool) (*state, error) {
	for _, sub := range []string{"bin", "keys", "logs"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
			return nil, fmt.Errorf("make the state folder: %w", err)
		}
	}
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock the state folder: %w", err)
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		defer lock.Close()
		holder, _ := os.ReadFile(lock.Name()) // for the message only
		return nil, fmt.Errorf("a stack runs in %s already%s: end it first", dir, note(holder))
	}
	s := &state{dir: dir, lock: lock, ports: map[string]int{}, used: map[int]bool{}}
	if reset {
		if err := s.reset(ctx); err != nil {
			lock.Close()
			return nil, err
		}
	}
	if b, err := os.ReadFile(s.path("ports.json")); err == nil {
		_ = json.Unmarshal(b, &s.ports) // unreadable: take new ports
	}
	if err := s.announce(fmt.Sprintf("process %d", os.Getpid())); err != nil {
		lock.Close()
		return nil, err
	}
	return s, nil
}

func note(holder []byte) string {
	if text := strings.TrimSpace(string(holder)); text != "" {
		return " (" + text + ")"
	}
	return ""
}

// announce writes who holds the lock, for the one who finds it taken.
func (s *state) announce(text string) error {
	if err := s.lock.Truncate(0); err != nil {
		return fmt.Errorf("lock the state folder: %w", err)
	}
	if _, err := s.lock.WriteAt([]byte(text+"\n"), 0); err != nil {
		return fmt.Errorf("lock the state folder: %w", err)
	}
	return nil
}

// reset removes data, keys and logs; the binaries stay.
func (s *state) reset(ctx context.Context) error {
	if err := localpg.Remove(ctx, s.path("pg")); err != nil {
		return fmt.Errorf("start afresh: %w", err)
	}
	for _, name := range []string{"redis", "keys", "logs", "ports.json", "env"} {
		if err := os.RemoveAll(s.path(name)); err != nil {
			return fmt.Errorf("start afresh: %w", err)
		}
	}
	for _, name := range []string{"keys", "logs"} {
		if err := os.Mkdir(s.path(name), 0o700); err != nil {
			return fmt.Errorf("start afresh: %w", err)
		}
	}
	return nil
}

func (s *state) path(parts ...string) string {
	return filepath.Join(append([]string{s.dir}, parts...)...)
}

// port is the port that name had before, if it is free, else a new one.
func (s *state) port(name string) (int, error) {
	for try := range 100 {
		candidate := s.ports[name]
		if try > 0 || candidate == 0 || !child.Free(candidate) {
			var err error
			if candidate, err = child.Port(); err != nil {
				return 0, fmt.Errorf("%s: %w", name, err)
			}
		}
		if s.used[candidate] {
			continue
		}
		s.used[candidate] = true
		s.ports[name] = candidate
		return candidate, nil
	}
	return 0, fmt.Errorf("find a free port for %s: none", name)
}

// savePorts writes the ports down for the next start.
func (s *state) savePorts() error {
	b, err := json.MarshalIndent(s.ports, "", "  ")
	if err != nil {
		return fmt.Errorf("write down the ports: %w", err)
	}
	if err := os.WriteFile(s.path("ports.json"), b, 0o600); err != nil {
		return fmt.Errorf("write down the ports: %w", err)
	}
	return nil
}

// secret is a random text that stays the same as long as its file does.
func secret(file string) (string, error) {
	b, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		b = []byte(rand.Text())
		err = os.WriteFile(file, b, 0o600)
	}
	if err != nil {
		return "", fmt.Errorf("keep a secret: %w", err)
	}
	return strings.TrimSpace(string(b)), nil
}

// logFile opens the log of one process afresh.
func (s *state) logFile(name string) (*os.File, error) {
	file, err := os.OpenFile(s.path("logs", name+".log"), os.O_CREATE|os.O_TRUNC|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the log of %s: %w", name, err)
	}
	return file, nil
}

// close gives the folder back.
func (s *state) close() {
	// A process that is being started elsewhere holds a copy of the descriptor for a
	// moment; unlocking gives the folder back whoever still has one.
	_ = syscall.Flock(int(s.lock.Fd()), syscall.LOCK_UN)
	s.lock.Close()
}
