package health

import (
	"bytes"
	"io/fs"
	"os"
	"path"
	"runtime"
	"strconv"
	"strings"
)

// memory is in bytes.
type memory struct {
	used, total uint64
	limited     bool // total is a limit of the container, not the host's size
}

func (m memory) percentage() uint64 {
	if m.total == 0 {
		return 0
	}
	return m.used * 100 / m.total
}

// readMemory looks at cgroup v2, then v1, then the host. limit, when not 0,
// stands for the cgroup's own.
func readMemory(root fs.FS, limit uint64) memory {
	host := hostMemory(root)
	for _, v := range versions {
		for _, dir := range v.dirs(root) {
			used, ok := number(root, path.Join(dir, v.current))
			if !ok {
				continue
			}
			used -= min(used, stat(root, path.Join(dir, "memory.stat"), v.cache))
			m := memory{used: used, total: limit, limited: true}
			if m.total == 0 {
				m.total, ok = number(root, path.Join(dir, v.max))
				// "max", and v1's huge number, mean that there is no limit.
				if !ok || host.total > 0 && m.total > host.total {
					break
				}
			}
			return m
		}
	}
	if limit > 0 { // a limit, but no group that counts: this process alone
		return memory{used: resident(root), total: limit, limited: true}
	}
	return host
}

// resident returns the memory that this process holds.
func resident(root fs.FS) uint64 {
	if data, err := fs.ReadFile(root, "proc/self/statm"); err == nil {
		if f := strings.Fields(string(data)); len(f) > 1 {
			if pages, err := strconv.ParseUint(f[1], 10, 64); err == nil {
				return pages * uint64(os.Getpagesize())
			}
		}
	}
	var m runtime.MemStats // no procfs here: what Go has taken from the system
	runtime.ReadMemStats(&m)
	return m.Sys - m.HeapReleased
}

// version names the files of one cgroup version. What can be dropped at once,
// the inactive part of the file cache, is not in use: the kernel does not kill
// for it.
type version struct {
	mount, controller   string
	current, max, cache string
}

var versions = []version{
	{"sys/fs/cgroup", "", "memory.current", "memory.max", "inactive_file"},
	{"sys/fs/cgroup/memory", "memory", "memory.usage_in_bytes", "memory.limit_in_bytes", "total_inactive_file"},
}

// dirs returns where the process's own group may be: by its path from
// /proc/self/cgroup, and at the mount, where a container sees itself.
func (v version) dirs(root fs.FS) []string {
	dirs := []string{v.mount}
	data, err := fs.ReadFile(root, "proc/self/cgroup")
	if err != nil {
		return dirs
	}
	for line := range strings.Lines(string(data)) { // "4:memory:/path", v2: "0::/path"
		part := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(part) == 3 && hasController(part[1], v.controller) {
			if dir := path.Join(v.mount, part[2]); dir != v.mount && fs.ValidPath(dir) {
				return []string{dir, v.mount}
			}
		}
	}
	return dirs
}

func hasController(list, name string) bool {
	for c := range strings.SplitSeq(list, ",") {
		if c == name {
			return true
		}
	}
	return false
}

func hostMemory(root fs.FS) memory {
	total := stat(root, "proc/meminfo", "MemTotal:") << 10 // the file is in KiB
	available := stat(root, "proc/meminfo", "MemAvailable:") << 10
	return memory{used: total - min(total, available), total: total}
}

func number(root fs.FS, name string) (uint64, bool) {
	data, err := fs.ReadFile(root, name)
	if err != nil {
		return 0, false
	}
	n, err := strconv.ParseUint(string(bytes.TrimSpace(data)), 10, 64)
	return n, err == nil
}

// stat returns the number after key in a file of "key number" lines, else 0.
func stat(root fs.FS, name, key string) uint64 {
	data, err := fs.ReadFile(root, name)
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(data)) {
		if f := strings.Fields(line); len(f) >= 2 && f[0] == key {
			n, err := strconv.ParseUint(f[1], 10, 64)
			if err == nil {
				return n
			}
		}
	}
	return 0
}
