package health

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"testing/fstest"
)

func TestReadMemory(t *testing.T) {
	t.Parallel()
	const mb = 1 << 20
	meminfo := "MemTotal:        8388608 kB\nMemFree:          100 kB\nMemAvailable:    6291456 kB\n"
	tests := []struct {
		name  string
		files map[string]string
		limit uint64
		want  memory
	}{
		{"v2, cache that can go is not in use", map[string]string{
			"sys/fs/cgroup/memory.current": "167772160\n", "sys/fs/cgroup/memory.max": "536870912\n",
			"sys/fs/cgroup/memory.stat": "anon 1\ninactive_file 33554432\n", "proc/meminfo": meminfo,
		}, 0, memory{128 * mb, 512 * mb, true}},
		{"v2, own group", map[string]string{
			"proc/self/cgroup": "0::/app\n", "sys/fs/cgroup/app/memory.current": "1048576", "sys/fs/cgroup/app/memory.max": "2097152",
			"sys/fs/cgroup/memory.current": "9", "sys/fs/cgroup/memory.max": "10",
		}, 0, memory{mb, 2 * mb, true}},
		{"v2 without a limit is the host", map[string]string{
			"sys/fs/cgroup/memory.current": "1048576", "sys/fs/cgroup/memory.max": "max", "proc/meminfo": meminfo,
		}, 0, memory{2048 * mb, 8192 * mb, false}},
		{"v1", map[string]string{
			"proc/self/cgroup": "9:name=systemd:/\n4:memory:/docker/1\n0::/\n", "sys/fs/cgroup/memory/memory.usage_in_bytes": "134217728",
			"sys/fs/cgroup/memory/memory.limit_in_bytes": "268435456", "sys/fs/cgroup/memory/memory.stat": "total_inactive_file 67108864\n",
		}, 0, memory{64 * mb, 256 * mb, true}},
		{"v1 without a limit is the host", map[string]string{
			"sys/fs/cgroup/memory/memory.usage_in_bytes": "1", "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712", "proc/meminfo": meminfo,
		}, 0, memory{2048 * mb, 8192 * mb, false}},
		{"the platform's limit wins", map[string]string{
			"sys/fs/cgroup/memory.current": "134217728", "sys/fs/cgroup/memory.max": "max", "proc/meminfo": meminfo,
		}, 256 * mb, memory{128 * mb, 256 * mb, true}},
		{"nothing to read", nil, 0, memory{}},
		{"garbage", map[string]string{"sys/fs/cgroup/memory.current": "much", "proc/meminfo": "MemTotal:", "proc/self/cgroup": "0::/../../etc\nx"}, 0, memory{}},
	}
	for _, tt := range tests {
		root := fstest.MapFS{}
		for name, text := range tt.files {
			root[name] = &fstest.MapFile{Data: []byte(text)}
		}
		if got := readMemory(root, tt.limit); got != tt.want {
			t.Errorf("%s: got %+v, want %+v", tt.name, got, tt.want)
		}
	}
}

func TestSystemHasTheSeedsFigures(t *testing.T) {
	t.Parallel()
	s := &system{files: fstest.MapFS{
		"sys/fs/cgroup/memory.current": {Data: []byte("134217728")}, "sys/fs/cgroup/memory.max": {Data: []byte("536870912")},
	}}
	if err := s.run(context.Background()); err != nil {
		t.Fatal(err)
	}
	body, err := json.Marshal(s.details())
	if err != nil {
		t.Fatal(err)
	}
	if want := `"memory":{"percentage":25,"total":512,"used":128}`; !strings.Contains(string(body), want) {
		t.Errorf("details %s lack %s", body, want)
	}
	if !strings.Contains(string(body), `"cpu":{"count":`) {
		t.Errorf("details %s lack the CPU count", body)
	}
}

func TestSystemIsDegradedWhenTheContainerIsFull(t *testing.T) {
	t.Parallel()
	full := fstest.MapFS{"sys/fs/cgroup/memory.current": {Data: []byte("90")}, "sys/fs/cgroup/memory.max": {Data: []byte("100")}}
	if err := (&system{files: full}).run(context.Background()); reasonOf("system", err) != "memory_high" {
		t.Errorf("90%% of a limit: %v, want memory_high", err)
	}
	host := fstest.MapFS{"proc/meminfo": {Data: []byte("MemTotal: 100 kB\nMemAvailable: 1 kB\n")}}
	if err := (&system{files: host}).run(context.Background()); err != nil {
		t.Errorf("a full host is taken for a full container: %v", err)
	}
}

func TestSystemReadsThisMachine(t *testing.T) {
	t.Parallel()
	c := System(0)
	_ = c.Run(context.Background()) // whether this machine is full is not the point
	m, _ := c.Details()["memory"].(map[string]any)
	if total, _ := m["total"].(uint64); total == 0 {
		t.Errorf("memory = %v, want a total", m)
	}
	limited := readMemory(fstest.MapFS{}, 1<<30)
	if !limited.limited || limited.used == 0 || limited.total != 1<<30 {
		t.Errorf("with a limit and no cgroup: %+v", limited)
	}
}
