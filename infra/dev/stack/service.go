package stack

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/vegascore/vegascore/shared/child"
)

// A service that dies is started again after firstPause, twice as long each time up
// to lastPause, and after firstPause again once it lived for steadyAfter.
const (
	firstPause  = 100 * time.Millisecond
	lastPause   = 5 * time.Second
	steadyAfter = 10 * time.Second
)

// readyTimeout bounds the start of a service, startAttempts the deaths before it is
// ready once.
const (
	readyTimeout  = 60 * time.Second
	startAttempts = 3
)

// Service is one container of the stack: a process that is started again when it
// dies. Its methods may be called concurrently.
type Service struct {
	Name        string
	URL         string // http://127.0.0.1:port
	InternalURL string // metrics, detailed health, profiles
	LogFile     string

	binary string
	args   []string
	env    []string
	out    *lineWriter
	screen *console
	client *http.Client

	mu      sync.Mutex
	process *child.Process // nil before the first start
	asked   *child.Process // the one that was asked to end
	wanted  bool           // should run
	changed chan struct{}  // closed and replaced with every change
	deaths  int            // ends that nobody asked for
	done    chan struct{}  // closed when supervise has ended; nil before it began
}

// supervise keeps the process running while it is wanted, until ctx ends; the
// process itself is ended by Stop or Kill, not here.
func (s *Service) supervise(ctx context.Context) {
	defer close(s.done)
	var news sync.WaitGroup
	defer news.Wait()
	pause := firstPause
	for {
		s.mu.Lock()
		wanted, changed := s.wanted, s.changed
		s.mu.Unlock()
		if ctx.Err() != nil {
			return
		}
		if !wanted {
			select {
			case <-ctx.Done():
				return
			case <-changed:
				continue
			}
		}
		began := time.Now()
		why := s.run(ctx)
		if why == nil {
			continue // ended as asked
		}
		if time.Since(began) > steadyAfter {
			pause = firstPause
		}
		s.screen.say("%s died (%v); starting it again in %s", s.Name, why, duration(pause))
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		pause = min(2*pause, lastPause)
		news.Go(func() { s.sayBack(ctx) }) // ends with Ready: at readyTimeout at the latest
	}
}

// sayBack tells that a service that died is ready again.
func (s *Service) sayBack(ctx context.Context) {
	if err := s.Ready(ctx); err == nil {
		s.screen.say("%s is ready again", s.Name)
	}
}

// run starts the process and waits for its end. It returns why the process ended
// unless that was asked for.
func (s *Service) run(ctx context.Context) error {
	s.mu.Lock()
	if !s.wanted || ctx.Err() != nil {
		s.mu.Unlock()
		return nil
	}
	cmd := exec.Command(s.binary, s.args...)
	cmd.Env, cmd.Stdout, cmd.Stderr = s.env, s.out, s.out
	cmd.WaitDelay = 2 * time.Second // a grandchild could hold the pipe
	p, err := child.Start(cmd, syscall.SIGKILL)
	if err == nil {
		s.process = p
	}
	s.notify()
	s.mu.Unlock()
	if err == nil {
		<-p.Done()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.notify()
	if p != nil && s.asked == p {
		return nil
	}
	s.deaths++
	if err != nil {
		return err
	}
	if p.Err() != nil {
		return p.Err()
	}
	return errors.New("exit code 0")
}

// notify wakes those who wait for a change. Callers hold mu.
func (s *Service) notify() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// Pid is the id of the process that runs or ran last, 0 before the first start.
func (s *Service) Pid() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process == nil {
		return 0
	}
	return s.process.Pid()
}

// Running says whether a process runs right now.
func (s *Service) Running() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.process != nil && !s.process.Ended()
}

// Deaths is how often the process ended without being asked to.
func (s *Service) Deaths() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.deaths
}

// Ready waits until a process of the service answers /ready with 200. It gives up
// when ctx ends or the service died several times without ever being ready.
func (s *Service) Ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	before := s.Deaths()
	said := "no answer yet"
	for {
		if s.Running() {
			code, err := s.probe(ctx)
			switch {
			case err == nil && code == http.StatusOK:
				return nil
			case err == nil:
				said = fmt.Sprintf("/ready answered %d", code)
			}
		}
		if n := s.Deaths() - before; n >= startAttempts {
			return fmt.Errorf("start %s: it died %d times; the end of %s:\n%s", s.Name, n, s.LogFile, s.out.last())
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("start %s: not ready (%s): %w; the end of %s:\n%s", s.Name, said, context.Cause(ctx), s.LogFile, s.out.last())
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func (s *Service) probe(ctx context.Context) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL+"/ready", nil)
	if err != nil {
		return 0, err
	}
	answer, err := s.client.Do(r)
	if err != nil {
		return 0, err
	}
	answer.Body.Close()
	return answer.StatusCode, nil
}

// environment is the caller's environment without what the stack decides, then
// the given variables.
func environment(maps ...map[string]string) []string {
	set := map[string]string{}
	for _, m := range maps {
		for k, v := range m {
			set[k] = v
		}
	}
	var env []string
	for _, kv := range os.Environ() {
		name, _, _ := strings.Cut(kv, "=")
		if _, own := set[name]; !own && !decided[name] {
			env = append(env, kv)
		}
	}
	for k, v := range set {
		env = append(env, k+"="+v)
	}
	return env
}
