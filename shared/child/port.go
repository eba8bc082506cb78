package child

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// Servers get ports from below the range from which systems take the ports of
// outgoing connections (from 32768 on Linux). While a server is down its port then
// stays free: in that range a client that keeps dialling it could be given the very
// same port as its own and connect to itself.
const lowPort, highPort = 20000, 32000

// claims are the ports that this process has taken for its servers, each with the
// locked file that keeps other processes of this package away.
var claims struct {
	sync.Mutex
	of map[int]*os.File
}

// Port is a TCP port of 127.0.0.1 that nobody listens on right now. It is this
// process' until the process ends: neither a later call nor another process that asks
// here gets it. A program that does not ask can still take it before the caller does.
func Port() (int, error) {
	for range 100 {
		port := lowPort + rand.IntN(highPort-lowPort)
		mine, err := claim(port)
		if err != nil {
			return 0, err
		}
		if mine && Free(port) {
			return port, nil
		}
	}
	return 0, errors.New("find a free port: none")
}

// claim reports whether the port is this process' from now on.
func claim(port int) (bool, error) {
	claims.Lock()
	defer claims.Unlock()
	if claims.of[port] != nil {
		return false, nil
	}
	dir := filepath.Join(os.TempDir(), fmt.Sprintf("vegas-ports-%d", os.Getuid()))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return false, fmt.Errorf("claim a port: %w", err)
	}
	file, err := os.OpenFile(filepath.Join(dir, strconv.Itoa(port)), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return false, fmt.Errorf("claim a port: %w", err)
	}
	// The lock goes with the process, however it ends.
	if syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil {
		return false, file.Close()
	}
	if claims.of == nil {
		claims.of = map[int]*os.File{}
	}
	claims.of[port] = file
	return true, nil
}

// Free says whether nobody listens on a TCP port of 127.0.0.1 right now. It asks, rather
// than listen for a moment: a program that is started in that moment would hold the port
// for a little longer, and keep its owner from it.
func Free(port int) bool {
	c, err := net.DialTimeout("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), time.Second)
	if err == nil {
		_ = c.Close()
	}
	return errors.Is(err, syscall.ECONNREFUSED)
}
