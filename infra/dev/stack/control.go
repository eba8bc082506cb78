package stack

import (
	"context"
	"fmt"
	"syscall"
	"time"

	"github.com/vegascore/vegascore/shared/child"
)

// want sets whether the service should run and returns its process, if any.
func (s *Service) want(run bool) *child.Process {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !run {
		s.asked = s.process
	}
	if s.wanted != run {
		s.wanted = run
		s.notify()
	}
	return s.process
}

// Signal sends sig to the process. A process that ends by it is started again.
func (s *Service) Signal(sig syscall.Signal) error {
	s.mu.Lock()
	p := s.process
	s.mu.Unlock()
	if p == nil {
		return fmt.Errorf("signal %s: never started", s.Name)
	}
	return p.Signal(sig)
}

// Kill ends the process as kill -9 does and waits for its end. The service comes
// back by itself; Ready waits for that.
func (s *Service) Kill() error {
	s.mu.Lock()
	p := s.process
	s.mu.Unlock()
	if p == nil {
		return fmt.Errorf("kill %s: never started", s.Name)
	}
	return p.Kill()
}

// Halt ends the process as kill -9 does and leaves the service down until Start.
func (s *Service) Halt() error {
	if p := s.want(false); p != nil {
		return p.Kill()
	}
	return nil
}

// Stop asks the process to end (SIGTERM), waits, and leaves the service down until
// Start. It returns how long the end took. An exit code other than 0 is an error;
// so is an end of ctx, which kills the process.
func (s *Service) Stop(ctx context.Context) (time.Duration, error) {
	began := time.Now()
	p := s.want(false)
	if p == nil || p.Ended() {
		return 0, nil
	}
	err := p.Stop(ctx, syscall.SIGTERM)
	took := time.Since(began)
	if err == nil {
		err = p.Err()
	}
	if err != nil {
		return took, fmt.Errorf("stop %s: %w", s.Name, err)
	}
	return took, nil
}

// Start starts a service after Halt or Stop and waits until it is ready.
func (s *Service) Start(ctx context.Context) error {
	s.want(true)
	return s.Ready(ctx)
}

// Restart ends the service in order and starts it again.
func (s *Service) Restart(ctx context.Context) error {
	if _, err := s.Stop(ctx); err != nil {
		return err
	}
	return s.Start(ctx)
}
