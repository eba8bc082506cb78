package health

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// memoryAlarm is the share of a container's memory limit, in percent, from
// which the system is degraded: the kernel ends the container at 100.
const memoryAlarm = 90

// System returns the check of the container itself, named "system": memory in
// MB and CPU. memoryMB is the limit when the platform names it; 0 means to read
// the cgroup's, or else to take the host's memory. Only with a limit can the
// check fail: a full host is not ours to judge.
func System(memoryMB int) Check {
	s := &system{files: os.DirFS("/"), limit: uint64(max(0, memoryMB)) << 20}
	return Check{Name: "system", Local: true, Timeout: time.Second, Run: s.run, Details: s.details}
}

type system struct {
	files fs.FS // the root directory
	limit uint64

	mu     sync.Mutex
	memory memory
	cpu    usage
}

// run reads the figures, and fails when memory runs out.
func (s *system) run(context.Context) error {
	m := readMemory(s.files, s.limit)
	s.mu.Lock()
	s.memory = m
	s.cpu = s.cpu.next()
	s.mu.Unlock()
	if m.limited && m.percentage() >= memoryAlarm {
		return Because("memory_high", fmt.Errorf("%d of %d MB used", m.used>>20, m.total>>20))
	}
	return nil
}

func (s *system) details() map[string]any {
	s.mu.Lock()
	defer s.mu.Unlock()
	return map[string]any{
		"memory": map[string]any{"used": s.memory.used >> 20, "total": s.memory.total >> 20, "percentage": s.memory.percentage()},
		"cpu":    map[string]any{"count": runtime.GOMAXPROCS(0), "percentage": s.cpu.percentage},
	}
}

// usage is the CPU time of this process between two looks.
type usage struct {
	at         time.Time
	spent      time.Duration
	percentage uint64 // of all CPUs that the process may use
}

func (u usage) next() usage {
	var r syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &r) != nil {
		return u
	}
	n := usage{at: time.Now(), spent: time.Duration(r.Utime.Nano() + r.Stime.Nano())}
	if wall := n.at.Sub(u.at); !u.at.IsZero() && wall > 0 {
		n.percentage = uint64(100 * float64(n.spent-u.spent) / float64(wall) / float64(runtime.GOMAXPROCS(0)))
	}
	return n
}
