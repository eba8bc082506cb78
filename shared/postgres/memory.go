package postgres

import (
	"io/fs"
	"strconv"
	"strings"
)

// defaultMemoryMB is what Cloud Run gives a container that asks for nothing.
const defaultMemoryMB = 512

// memoryFiles are where the control group's limit is found, in bytes: version 2,
// then version 1.
var memoryFiles = []string{
	"sys/fs/cgroup/memory.max",
	"sys/fs/cgroup/memory/memory.limit_in_bytes",
}

// memory returns the container's memory in MB and says where the figure comes
// from. configured wins; a control group without a limit counts as unknown.
func memory(configured int, root fs.FS) (mb int, source string) {
	if configured > 0 {
		return configured, "MEMORY_MB"
	}
	for _, name := range memoryFiles {
		text, err := fs.ReadFile(root, name)
		if err != nil {
			continue
		}
		// "max", and version 1's figure near 2^63, mean no limit.
		n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
		if err == nil && n > 0 && n < 1<<50 {
			return max(int(n>>20), 1), "control group"
		}
	}
	return defaultMemoryMB, "assumed"
}
