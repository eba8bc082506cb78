package child

import (
	"errors"
	"fmt"
	"io"
	"os/exec"
	"sync"
	"syscall"
)

// janitor waits for the end of its standard input, which comes when the parent is
// gone for whatever reason, ends the process whose id it was given on the first
// line, and removes the folder $1. It bounds its wait because a process whose new
// parent does not collect it stays visible for ever.
const janitor = `
trap '' HUP INT QUIT TERM
read -r pid sig
cat >/dev/null
if [ -n "$pid" ]; then
	kill -s "$sig" "$pid" 2>/dev/null
	i=0
	while kill -0 "$pid" 2>/dev/null && [ "$i" -lt 250 ]; do
		sleep 0.02
		i=$((i + 1))
	done
	kill -s KILL -- "-$pid" 2>/dev/null
fi
rm -rf -- "$1"
`

// Left is a process that Leave started.
type Left struct {
	cmd, watch *exec.Cmd
	input      io.Closer
}

var (
	leftMu sync.Mutex
	left   = map[*Left]struct{}{} // holds the janitors' inputs open until this process ends
)

// Leave starts cmd and leaves it running until End or the end of this process,
// without a goroutine that a leak check would find. A shell watches over it, ends it
// with stop, and then removes folder, which holds what the process wrote.
func Leave(cmd *exec.Cmd, stop syscall.Signal, folder string) (*Left, error) {
	watch := exec.Command("/bin/sh", "-c", janitor, "janitor", folder)
	watch.Dir = "/"
	watch.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	input, err := watch.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("watch over %s: %w", cmd.Path, err)
	}
	if err := watch.Start(); err != nil {
		return nil, fmt.Errorf("watch over %s: %w", cmd.Path, err)
	}
	l := &Left{cmd: cmd, watch: watch, input: input}
	leftMu.Lock()
	left[l] = struct{}{}
	leftMu.Unlock()

	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setpgid = true
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", cmd.Path, errors.Join(err, l.dismiss()))
	}
	// kill -s takes a number in every shell in use.
	if _, err := fmt.Fprintln(input, cmd.Process.Pid, int(stop)); err != nil {
		return nil, fmt.Errorf("watch over %s: %w", cmd.Path, errors.Join(err, cmd.Process.Kill(), l.dismiss()))
	}
	return l, nil
}

// Pid is the process id.
func (l *Left) Pid() int { return l.cmd.Process.Pid }

// End has the janitor do its work now and waits for it. Call it once.
func (l *Left) End() error {
	err := l.input.Close()
	_ = l.cmd.Wait() // ended by a signal, as asked
	return errors.Join(err, l.dismiss())
}

// dismiss waits for a janitor whose process is gone.
func (l *Left) dismiss() error {
	leftMu.Lock()
	delete(left, l)
	leftMu.Unlock()
	_ = l.input.Close() // closed before by End
	if err := l.watch.Wait(); err != nil {
		return fmt.Errorf("clean up after %s: %w", l.cmd.Path, err)
	}
	return nil
}
