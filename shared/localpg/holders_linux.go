package localpg

import (
	"os"
	"path/filepath"
	"strconv"
)

// holders lists the processes that work in a data folder: every process of a
// PostgreSQL server has it as its current folder. The ids in a left-over
// postmaster.pid may belong to anybody by now; this says whose folder it is.
func holders(data string) ([]int, error) {
	want, err := os.Stat(data)
	if err != nil {
		return nil, err
	}
	folders, err := filepath.Glob("/proc/[0-9]*/cwd")
	if err != nil {
		return nil, err
	}
	var pids []int
	for _, f := range folders {
		got, err := os.Stat(f)
		if err != nil || !os.SameFile(got, want) {
			continue // ended meanwhile, or a stranger whom we may not look at
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(f))); err == nil && pid != os.Getpid() {
			pids = append(pids, pid)
		}
	}
	return pids, nil
}

const holdersKnown = true
