package e2e

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/vegascore/vegascore/infra/dev/e2e/platform"
	"github.com/vegascore/vegascore/infra/dev/repository"
	"github.com/vegascore/vegascore/shared/child"
)

// command is `vegas up` as a process, as `make run` starts it.
type command struct {
	t      *testing.T
	cmd    *exec.Cmd
	url    string
	output chan struct{} // closed at the end of what it prints

	mu   sync.Mutex
	said bytes.Buffer
}

// vegas starts the platform in a checkout of its own, as far as the command can see.
func vegas(t *testing.T, dir string, env ...string) *command {
	t.Helper()
	port, err := child.Port()
	if err != nil {
		t.Fatal(err)
	}
	c := &command{t: t, cmd: exec.Command(filepath.Join(platform.Binaries(t), "vegas"), "up"), output: make(chan struct{}), url: "http://localhost:" + strconv.Itoa(port)}
	c.cmd.Dir = dir
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // its Ctrl-C is not ours
	for _, kv := range os.Environ() {
		switch name, _, _ := strings.Cut(kv, "="); name {
		case "PORT", "RESET", "DATABASE_URL", "DIRECT_URL", "REDIS_URL", "PUBSUB_EMULATOR_HOST", "LOGS", "LOG_FORMAT":
		default:
			c.cmd.Env = append(c.cmd.Env, kv)
		}
	}
	c.cmd.Env = append(c.cmd.Env, append(env, "PORT="+strconv.Itoa(port))...)
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	c.cmd.Stderr = c.cmd.Stdout
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go c.read(out) // ends with the command
	t.Cleanup(func() {
		if c.cmd.ProcessState == nil {
			_ = c.cmd.Process.Kill() // the test has failed before its end
			<-c.output
			_ = c.cmd.Wait()
		}
		t.Logf("vegas up:\n%s", c.text())
	})
	platform.AwaitWithin(t, coldStart, "the banner", func() bool {
		select {
		case <-c.output:
			t.Fatalf("vegas ended:\n%s", c.text())
		default:
		}
		return strings.Contains(c.text(), "Ctrl-C ends it.")
	})
	return c
}

func (c *command) read(out io.Reader) {
	defer close(c.output)
	for lines := bufio.NewScanner(out); lines.Scan(); {
		c.mu.Lock()
		fmt.Fprintln(&c.said, lines.Text())
		c.mu.Unlock()
	}
}

func (c *command) text() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.said.String()
}

// interrupt is Ctrl-C: the exit code must be 0 and no process may be left.
func (c *command) interrupt() {
	c.t.Helper()
	family := descendants(c.t, c.cmd.Process.Pid)
	if len(family) < 6 { // PostgreSQL, Redis and four services, at least
		c.t.Errorf("only %v run below vegas", family)
	}
	if err := c.cmd.Process.Signal(os.Interrupt); err != nil {
		c.t.Fatal(err)
	}
	platform.Await(c.t, "the end of what vegas prints", func() bool {
		select {
		case <-c.output:
			return true
		default:
			return false
		}
	})
	if err := c.cmd.Wait(); err != nil {
		c.t.Errorf("after Ctrl-C: %v", err)
	}
	for _, pid := range family {
		if state := status(pid); state != "" && state != "Z" {
			c.t.Errorf("process %d outlived vegas", pid)
		}
	}
}

// status is the state of a process, empty when there is none.
func status(pid int) string {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return ""
	}
	_, rest, _ := strings.Cut(string(b), ") ")
	state, _, _ := strings.Cut(rest, " ")
	return state
}

// descendants are the processes below one, at any depth.
func descendants(t *testing.T, pid int) []int {
	t.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	below := map[int][]int{}
	for _, name := range stats {
		b, err := os.ReadFile(name)
		if err != nil {
			continue // it has ended
		}
		var parent int
		var state string
		_, rest, _ := strings.Cut(string(b), ") ")
		if _, err := fmt.Sscan(rest, &state, &parent); err != nil {
			t.Fatalf("read %s: %v", name, err)
		}
		id, _ := strconv.Atoi(filepath.Base(filepath.Dir(name)))
		below[parent] = append(below[parent], id)
	}
	var all []int
	for next := below[pid]; len(next) > 0; {
		all = append(all, next...)
		var deeper []int
		for _, id := range next {
			deeper = append(deeper, below[id]...)
		}
		next = deeper
	}
	return all
}

// coldStart is how long `make run` may take where nothing is compiled yet and the
// machine compiles other tests at the same time.
const coldStart = 5 * time.Minute

// checkout is a folder that looks to the command like the repository: with the same
// sources, and a state folder of its own.
func checkout(t *testing.T) string {
	t.Helper()
	root, err := repository.Root()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, name := range []string{"go.work", "go.work.sum", "infra", "jobs", "migrations", "services", "shared"} {
		if err := os.Symlink(filepath.Join(root, name), filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestMakeRunKeepsItsDataUntilAReset(t *testing.T) {
	t.Parallel()
	dir := checkout(t)
	first := vegas(t, dir)
	for _, part := range []string{"player page", first.url, "PostgreSQL", "private", "Redis", "Pub/Sub", "realtime-1", "realtime-2", "actions", "events", "sweep", "console", "/console/#", "migrations"} {
		if !strings.Contains(first.text(), part) {
			t.Errorf("neither progress nor banner names %q", part)
		}
	}
	if page := platform.Get(t, first.url+"/"); page.Status != http.StatusOK || !bytes.Contains(page.Body, []byte("<html")) {
		t.Errorf("page: %d %.80s", page.Status, page.Body)
	}
	if ready := platform.Get(t, first.url+"/ready"); ready.Status != http.StatusOK {
		t.Errorf("ready: %d %s", ready.Status, ready.Body)
	}
	ada := platform.Guest(t, first.url, "Ada")
	round, _ := ada.MustBet(t, "k", 100)
	first.interrupt()

	second := vegas(t, dir)
	if got := ada.At(second.url).Balance(t); got != round.Balance {
		t.Errorf("balance %d after the second start, want %d", got, round.Balance)
	}
	if again, answer := ada.At(second.url).MustBet(t, "k", 100); again != round || answer.Header.Get("Idempotent-Replayed") != "true" {
		t.Errorf("the key after the second start: %+v, want %+v", again, round)
	}
	second.interrupt()

	third := vegas(t, dir, "RESET=1")
	answer, err := ada.At(third.url).Do(t.Context(), http.MethodGet, "/v1/me", "", nil)
	if err != nil || answer.Status != http.StatusUnauthorized {
		t.Errorf("a token from before the reset: %d %s, %v", answer.Status, answer.Body, err)
	}
	platform.Guest(t, third.url, "Bob").MustBet(t, "k", 100)
	third.interrupt()
	for _, c := range []*command{first, second, third} {
		if found := regexp.MustCompile(`(?m)^.*\b(WARN|ERROR)\b.*$`).FindString(c.text()); found != "" {
			t.Errorf("a start without a fault has a warning: %s", found)
		}
	}
}
