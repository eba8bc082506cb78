package localredis

import (
	"context"
	"errors"
	"syscall"

	"github.com/vegascore/vegascore/shared/child"
)

var errLeft = errors.New("control Redis: not possible with Options.Leave")

// Stop ends the server in order; with Keep it writes its data out first. When ctx
// ends first, the server is killed and the error says so.
func (s *Server) Stop(ctx context.Context) error {
	s.control.Lock()
	defer s.control.Unlock()
	process, left := s.running()
	switch {
	case left != nil:
		return left.End()
	case process != nil:
		return process.Stop(ctx, syscall.SIGTERM)
	default:
		return nil
	}
}

// Kill ends the server as kill -9 does.
func (s *Server) Kill() error {
	s.control.Lock()
	defer s.control.Unlock()
	process, _ := s.running()
	if process == nil {
		return errLeft
	}
	return process.Kill()
}

// Freeze stops the process where it is (SIGSTOP): connections stay open and nobody
// answers on them.
func (s *Server) Freeze() error { return s.signal(syscall.SIGSTOP) }

// Thaw lets a frozen process go on (SIGCONT).
func (s *Server) Thaw() error { return s.signal(syscall.SIGCONT) }

func (s *Server) signal(sig syscall.Signal) error {
	process, _ := s.running()
	if process == nil {
		return errLeft
	}
	return process.Signal(sig)
}

func (s *Server) running() (*child.Process, *child.Left) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.process, s.left
}
