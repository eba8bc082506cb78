package child

import (
	"errors"
	"math/rand/v2"
	"net"
	"strconv"
)

// Servers get ports from below the range from which systems take the ports of
// outgoing connections (from 32768 on Linux). While a server is down its port then
// stays free: in that range a client that keeps dialling it could be given the very
// same port as its own and connect to itself.
const lowPort, highPort = 20000, 32000

// Port is a TCP port of 127.0.0.1 that nobody listens on right now. Another process
// can take it before the caller does.
func Port() (int, error) {
	for range 100 {
		if port := lowPort + rand.IntN(highPort-lowPort); Free(port) {
			return port, nil
		}
	}
	return 0, errors.New("find a free port: none")
}

// Free says whether nobody listens on a TCP port of 127.0.0.1 right now.
func Free(port int) bool {
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	return err == nil && l.Close() == nil
}
