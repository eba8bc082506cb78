package child

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
)

func TestAPortIsClaimedOnce(t *testing.T) {
	t.Parallel()
	seen := map[int]bool{}
	for range 200 {
		port, err := Port()
		if err != nil {
			t.Fatal(err)
		}
		if seen[port] {
			t.Fatalf("port %d was given out twice", port)
		}
		seen[port] = true
	}
}

// Another process holds the lock of a port that it claimed; another open file stands
// for it, because locks belong to open files.
func TestAPortOfAnotherProcessIsLeftAlone(t *testing.T) {
	t.Parallel()
	port, err := Port()
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.OpenFile(filepath.Join(os.TempDir(), fmt.Sprintf("vegas-ports-%d", os.Getuid()), strconv.Itoa(port)), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil {
		t.Errorf("port %d is claimed and not locked", port)
	}
	const other = highPort + 1 // given to nobody
	file2, err := os.OpenFile(filepath.Join(filepath.Dir(file.Name()), strconv.Itoa(other)), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer file2.Close()
	if err := syscall.Flock(int(file2.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		t.Fatal(err)
	}
	if mine, err := claim(other); mine || err != nil {
		t.Errorf("claimed another's port: %v, %v", mine, err)
	}
}
