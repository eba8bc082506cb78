package localredis

import (
	"context"
	"errors"
	"syscall"
)

var errShared = errors.New("control Redis: not possible with Options.Leave")

// Stop ends the server in order; with Keep it writes its data out first. When ctx
// ends first, the server is killed and the error says so.
func (s *Server) Stop(ctx context.Context) error {
	if s.left != nil {
		return s.left.End()
	}
	return s.process.Stop(ctx, syscall.SIGTERM)
}

// Kill ends the server as kill -9 does.
func (s *Server) Kill() error {
	if s.process == nil {
		return errShared
	}
	return s.process.Kill()
}

// Freeze stops the process where it is (SIGSTOP): connections stay open and nobody
// answers on them.
func (s *Server) Freeze() error { return s.signal(syscall.SIGSTOP) }

// Thaw lets a frozen process go on (SIGCONT).
func (s *Server) Thaw() error { return s.signal(syscall.SIGCONT) }

func (s *Server) signal(sig syscall.Signal) error {
	if s.process == nil {
		return errShared
	}
	return s.process.Signal(sig)
}
