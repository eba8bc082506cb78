package bench

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/vegascore/vegascore/shared/child"
)

// process is a server under measurement.
type process struct {
	*child.Process
	said *output
}

// launch starts a program with variables added to its environment. The caller ends
// it with end.
func launch(env map[string]string, program string, args ...string) (*process, error) {
	cmd := exec.Command(program, args...)
	cmd.Env = os.Environ()
	for name, value := range env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	out := &output{line: make(chan string, 1)}
	cmd.Stdout, cmd.Stderr = out, out
	cmd.WaitDelay = 2 * time.Second
	p, err := child.Start(cmd, syscall.SIGKILL)
	if err != nil {
		return nil, err
	}
	return &process{p, out}, nil
}

// address waits for the line "listening on host:port" and returns the URL.
func (p *process) address(ctx context.Context) (string, error) {
	select {
	case line := <-p.said.line:
		return "http://" + line, nil
	case <-p.Done():
		return "", fmt.Errorf("it ended: %s", p.said)
	case <-ctx.Done():
		return "", fmt.Errorf("%w: %s", context.Cause(ctx), p.said)
	}
}

// end stops the process, in order if that is quick.
func (p *process) end() {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	_ = p.Stop(ctx, syscall.SIGTERM) // its figures are taken; killed if it must be
}

// cpu is the CPU time that a process has used, of all its threads. It is known on
// Linux only, in steps of 10 ms.
func cpu(pid int) (time.Duration, error) {
	fields, err := stat(strconv.Itoa(pid))
	if err != nil {
		return 0, err
	}
	return ticks(fields, 11, 12)
}

// cpuOfAll is the CPU time of a process and of its children, those that have ended
// included.
func cpuOfAll(pid int) (time.Duration, error) {
	fields, err := stat(strconv.Itoa(pid))
	if err != nil {
		return 0, err
	}
	sum, err := ticks(fields, 11, 12, 13, 14)
	if err != nil {
		return 0, err
	}
	all, err := os.ReadDir("/proc")
	if err != nil {
		return 0, fmt.Errorf("read CPU time: %w", err)
	}
	for _, entry := range all {
		if _, err := strconv.Atoi(entry.Name()); err != nil {
			continue
		}
		fields, err := stat(entry.Name())
		if err != nil || len(fields) < 2 || fields[1] != strconv.Itoa(pid) {
			continue // of somebody else, or it has just ended
		}
		used, err := ticks(fields, 11, 12)
		if err != nil {
			return 0, err
		}
		sum += used
	}
	return sum, nil
}

// stat returns the fields of /proc/PID/stat that come after the name of the program, which
// is in brackets and can hold anything: the first is the state, the second the parent.
func stat(pid string) ([]string, error) {
	text, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		return nil, fmt.Errorf("read CPU time: %w", err)
	}
	return strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:])), nil
}

// ticks adds fields up that are in hundredths of a second (proc(5)): the 12th and 13th
// are a process's own time, the two after them that of its children that have ended.
func ticks(fields []string, which ...int) (time.Duration, error) {
	var sum int64
	for _, i := range which {
		if i >= len(fields) {
			return 0, fmt.Errorf("read CPU time: %d fields", len(fields))
		}
		n, err := strconv.ParseInt(fields[i], 10, 64)
		if err != nil {
			return 0, fmt.Errorf("read CPU time: %w", err)
		}
		sum += n
	}
	return time.Duration(sum) * 10 * time.Millisecond, nil
}

// output keeps the first 4 KiB that a process says and reports the first line of
// the form "listening on X".
type output struct {
	mu   sync.Mutex
	text []byte
	told bool
	line chan string
}

// Write implements io.Writer.
func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if room := 4<<10 - len(o.text); room > 0 {
		o.text = append(o.text, b[:min(room, len(b))]...)
	}
	if !o.told {
		for line := range strings.Lines(string(o.text)) {
			if at, ok := strings.CutPrefix(line, "listening on "); ok && strings.HasSuffix(line, "\n") {
				o.told = true
				o.line <- strings.TrimSpace(at)
				break
			}
		}
	}
	return len(b), nil
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return strings.TrimSpace(string(o.text))
}
