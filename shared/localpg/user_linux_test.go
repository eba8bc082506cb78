package localpg

import (
	"os"
	"strconv"
	"strings"
	"testing"
)

// uid reads the real user id of a process, seen from here, from its status.
func uid(t *testing.T, pid int) string {
	t.Helper()
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(b), "\nUid:")
	return strings.Fields(rest)[0]
}

// TestRootRunsAClusterBothWays needs root; for anybody else it checks that nothing
// is changed.
func TestRootRunsAClusterBothWays(t *testing.T) {
	t.Parallel()
	way, err := newIdentity()
	if err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() != 0 {
		if way != (identity{}) {
			t.Errorf("an ordinary user got %+v", way)
		}
		return
	}
	open := t.TempDir() // under /tmp, where nobody may enter once the parent lets them
	parent := open[:strings.LastIndex(open, "/")]
	if err := os.Chmod(parent, 0o755); err != nil {
		t.Fatal(err)
	}
	type mode struct {
		name string
		way  identity
		want string // the user that the host sees
	}
	modes := []mode{{"nobody", identity{drop: true, uid: 65534, gid: 65534}, "65534"}}
	if way.namespace { // not forbidden here
		modes = append(modes, mode{"namespace", way, "0"},
			mode{"no user 1000", identity{namespace: true, uid: 65534, gid: 65534}, "0"})
	}
	for _, c := range modes {
		s := &Server{opts: Options{Dir: open + "/" + c.name, NoSync: true}, identity: c.way}
		if s.bin, err = findBinaries(os.Getenv, 0); err != nil {
			t.Fatal(err)
		}
		if err := s.prepare(t.Context(), true); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if err := s.Start(t.Context()); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if got := uid(t, s.Pid()); got != c.want {
			t.Errorf("%s: runs as %s, want %s", c.name, got, c.want)
		}
		if err := s.Stop(t.Context()); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestAFolderThatNobodyCanEnterIsAClearError(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		return // only root changes to nobody
	}
	closed := t.TempDir()
	if err := os.Chmod(closed, 0o700); err != nil {
		t.Fatal(err)
	}
	dir := closed + "/in/pg"
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	err := identity{drop: true, uid: 65534, gid: 65534}.own(dir)
	if err == nil || !strings.Contains(err.Error(), "cannot enter") {
		t.Errorf("got %v", err)
	}
}
