package child

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// The tests run their own binary again as a parent that dies.
const roleVariable = "CHILD_TEST_ROLE"

func TestMain(m *testing.M) {
	if role := os.Getenv(roleVariable); role != "" {
		playParent(role, os.Args[1])
		return
	}
	goleak.VerifyTestMain(m)
}

// playParent starts a sleeper, prints its process id and waits for a signal that
// ends the process without any clean-up.
func playParent(role, folder string) {
	sleeper := exec.Command("sleep", "600")
	var pid int
	if role == "leave" {
		l, err := Leave(sleeper, syscall.SIGTERM, folder)
		if err != nil {
			panic(err)
		}
		pid = l.Pid()
	} else {
		p, err := Start(sleeper, syscall.SIGKILL)
		if err != nil {
			panic(err)
		}
		pid = p.Pid()
	}
	fmt.Println(pid)
	select {}
}

// parent starts the test binary in a role and returns it with its sleeper's id.
func parent(t *testing.T, role, folder string) (*exec.Cmd, int) {
	t.Helper()
	cmd := exec.Command(os.Args[0], folder)
	cmd.Env = append(os.Environ(), roleVariable+"="+role)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // ended before, if the test came that far
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		t.Fatal(err)
	}
	return cmd, pid
}

func await(t *testing.T, what string, met func() bool) {
	t.Helper()
	deadline := time.Now().Add(15 * time.Second)
	for !met() {
		if time.Now().After(deadline) {
			t.Fatalf("never happened: %s", what)
		}
		<-time.After(5 * time.Millisecond)
	}
}

// gone also counts a process that ended and that nobody has collected yet.
func gone(pid int) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return errors.Is(syscall.Kill(pid, 0), syscall.ESRCH)
	}
	_, rest, _ := strings.Cut(string(b), ") ")
	return strings.HasPrefix(rest, "Z")
}

func TestAKilledParentTakesItsChildrenAlong(t *testing.T) {
	t.Parallel()
	for _, role := range []string{"start", "leave"} {
		t.Run(role, func(t *testing.T) {
			t.Parallel()
			folder := filepath.Join(t.TempDir(), "kept by the child")
			if err := os.MkdirAll(filepath.Join(folder, "deep"), 0o700); err != nil {
				t.Fatal(err)
			}
			cmd, pid := parent(t, role, folder)
			if gone(pid) {
				t.Fatal("the child is not there")
			}
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			await(t, "the end of the child", func() bool { return gone(pid) })
			if role == "leave" {
				await(t, "the removal of the folder", func() bool {
					_, err := os.Stat(folder)
					return errors.Is(err, os.ErrNotExist)
				})
			}
		})
	}
}

func TestStopKillsAChildThatDoesNotListen(t *testing.T) {
	t.Parallel()
	// The shell says when it has stopped listening.
	cmd := exec.Command("sh", "-c", `trap "" TERM; echo deaf >"$1"; while :; do sleep 1; done`, "sh", filepath.Join(t.TempDir(), "deaf"))
	p, err := Start(cmd, syscall.SIGKILL)
	if err != nil {
		t.Fatal(err)
	}
	await(t, "deafness", func() bool { _, err := os.Stat(cmd.Args[len(cmd.Args)-1]); return err == nil })
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := p.Stop(ctx, syscall.SIGTERM); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want a note that it was killed", err)
	}
	if !p.Ended() || p.Err() == nil {
		t.Errorf("ended %v, err %v", p.Ended(), p.Err())
	}
	if err := p.Signal(syscall.SIGTERM); err != nil {
		t.Errorf("a signal to a process that ended: %v", err)
	}
}

func TestAChildThatEndsInOrderHasNoError(t *testing.T) {
	t.Parallel()
	p, err := Start(exec.Command("true"), syscall.SIGKILL)
	if err != nil {
		t.Fatal(err)
	}
	<-p.Done()
	if p.Err() != nil {
		t.Error(p.Err())
	}
}

func TestAMissingProgramIsAnError(t *testing.T) {
	t.Parallel()
	if _, err := Start(exec.Command("/nowhere/program"), syscall.SIGKILL); err == nil {
		t.Error("Start: no error")
	}
	folder := filepath.Join(t.TempDir(), "x")
	if _, err := Leave(exec.Command("/nowhere/program"), syscall.SIGKILL, folder); err == nil {
		t.Error("Leave: no error")
	}
}

func TestEndStopsAChildThatWasLeftAndRemovesItsFolder(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "x")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	l, err := Leave(exec.Command("sleep", "600"), syscall.SIGTERM, folder)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.End(); err != nil {
		t.Fatal(err)
	}
	if !gone(l.Pid()) {
		t.Error("the process lives")
	}
	if _, err := os.Stat(folder); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the folder: %v", err)
	}
}
