// Package child starts server processes that never outlive the process that
// started them, however that one ends.
//
// On Linux the kernel does it (PR_SET_PDEATHSIG). The kernel ties that signal to
// the thread that forked, not to the process, so a goroutine keeps the thread for
// as long as the child lives. Leave is the variant without a goroutine. Elsewhere
// a child ends with Stop or Kill only.
package child

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
)

// Process is a started child. Its methods may be called concurrently.
type Process struct {
	cmd  *exec.Cmd
	done chan struct{}

	mu  sync.Mutex
	err error
}

// Start starts cmd in a process group of its own, so that a Ctrl-C in the terminal
// reaches the parent alone, and has the kernel send it death if the parent dies.
// The caller ends it with Stop or Kill and may wait on Done.
func Start(cmd *exec.Cmd, death syscall.Signal) (*Process, error) {
	prepare(cmd, death)
	p := &Process{cmd: cmd, done: make(chan struct{})}
	started := make(chan error, 1)
	go p.keep(started)
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", cmd.Path, err)
	}
	return p, nil
}

// keep is the goroutine that owns the forking thread; it ends with the child.
func (p *Process) keep(started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer close(p.done)
	err := p.cmd.Start()
	started <- err
	if err != nil {
		return
	}
	err = p.cmd.Wait()
	p.mu.Lock()
	p.err = err
	p.mu.Unlock()
}

// Pid is the process id, also after the end.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// Done is closed once the process has ended and was waited for.
func (p *Process) Done() <-chan struct{} { return p.done }

// Err is nil for exit code 0 and before the end, else what exec.Cmd.Wait said.
func (p *Process) Err() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err
}

// Ended says whether the process has ended.
func (p *Process) Ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// Signal sends sig to the process alone. It is no error that the process has ended.
func (p *Process) Signal(sig syscall.Signal) error { return p.send(p.Pid(), sig) }

// Kill ends the process and its group at once (SIGKILL) and waits for its end.
func (p *Process) Kill() error {
	if err := p.send(-p.Pid(), syscall.SIGKILL); err != nil {
		return err
	}
	<-p.done
	return nil
}

// send is careful not to signal a stranger: a process id is free for others to
// take once the process was waited for.
func (p *Process) send(pid int, sig syscall.Signal) error {
	if p.Ended() {
		return nil
	}
	if err := syscall.Kill(pid, sig); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("signal %s to %s: %w", sig, p.cmd.Path, err)
	}
	return nil
}

// Stop asks the process to end with sig and waits; when ctx ends first, it kills
// the process and says so in its error.
func (p *Process) Stop(ctx context.Context, sig syscall.Signal) error {
	if err := p.Signal(sig); err != nil {
		return err
	}
	select {
	case <-p.done:
		return nil
	case <-ctx.Done():
		if err := p.Kill(); err != nil {
			return err
		}
		return fmt.Errorf("stop %s: killed: %w", p.cmd.Path, context.Cause(ctx))
	}
}
