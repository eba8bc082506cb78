package stack

import (
	"bufio"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

func TestATakenPortIsAClearMessage(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	port := l.Addr().(*net.TCPAddr).Port
	_, err = Start(t.Context(), Options{Port: port, Bin: fakes(t)})
	if err == nil || !strings.Contains(err.Error(), "port "+strconv.Itoa(port)+" is taken") || !strings.Contains(err.Error(), "PORT=") {
		t.Errorf("got %v", err)
	}
}

// hold runs a stack in a process of its own and returns that and its children's ids.
func hold(t *testing.T, bin, dir string) (*exec.Cmd, []int) {
	t.Helper()
	cmd := exec.Command(filepath.Join(bin, "holder"), bin, dir)
	cmd.Stderr = t.Output()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // killed before, if the test came that far
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	var pids []int
	for _, f := range strings.Fields(line) {
		pid, err := strconv.Atoi(f)
		if err != nil {
			t.Fatal(err)
		}
		pids = append(pids, pid)
	}
	return cmd, pids
}

func TestAKilledStackLeavesNoProcessAndStartsAgain(t *testing.T) {
	t.Parallel()
	bin, dir := fakes(t), t.TempDir()
	cmd, pids := hold(t, bin, dir)
	if len(pids) < 5 {
		t.Fatalf("only %v run", pids)
	}
	if _, err := Start(t.Context(), Options{Dir: dir, Bin: bin}); err == nil || !strings.Contains(err.Error(), "runs in "+dir+" already (process "+strconv.Itoa(cmd.Process.Pid)) {
		t.Errorf("a second stack in the folder: got %v", err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // killed, as asked
	// At once, while the old server still shuts down.
	s := up(t, Options{Dir: dir, Bin: bin})
	if got := runs(t, s.DatabaseURL()); got != 2 {
		t.Errorf("the migration job ran %d times in this database, want 2", got)
	}
	for _, pid := range pids {
		await(t, "the end of process "+strconv.Itoa(pid), func() bool { return !alive(pid) })
	}
}

func TestTheEnvFileDescribesTheStackAndIsRefusedByTheNext(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := up(t, Options{Dir: dir})
	out, err := exec.Command("sh", "-c", `. "$1"; echo "$DATABASE_URL $REDIS_URL $PORT"; cat "$TOKEN_SIGNING_KEY_FILE" >/dev/null`, "sh", filepath.Join(dir, "env")).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if want := s.DatabaseURL() + " " + s.RedisURL() + " " + alonePort + "\n"; string(out) != want {
		t.Errorf("got %q, want %q", out, want)
	}
	if info, err := os.Stat(filepath.Join(dir, "env")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file with passwords: %v, %v", info.Mode(), err)
	}
	if _, err := FromEnv(func(name string) string { return map[string]string{envMark: "1"}[name] }); err == nil || !strings.Contains(err.Error(), "another shell") {
		t.Errorf("got %v", err)
	}
}
