package croupier

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/vegascore/vegascore/shared/child"
	"github.com/vegascore/vegascore/shared/redisconn"
	"github.com/vegascore/vegascore/shared/redistest"
)

// These tell the test binary to be a container with a member at the table.
const (
	childHouse = "CROUPIER_TEST_HOUSE"
	childRedis = "CROUPIER_TEST_REDIS"
	childName  = "CROUPIER_TEST_NAME"
)

// runChild is a container until SIGTERM.
func runChild() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	opts, closed := optionsOf(os.Getenv(childName), os.Getenv(childHouse), os.Stderr)
	defer closed()
	publish, subscribe, err := redisconn.OpenPair(os.Getenv(childRedis))
	if err != nil {
		panic(err)
	}
	opts.Redis, opts.Subscribe = publish, subscribe
	c := New(opts)
	c.Enter("table:" + wheel)
	c.Run(ctx)
}

// spawn starts a container in a process of its own.
func spawn(t *testing.T, name, house, address string) *child.Process {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childHouse+"="+house, childRedis+"="+address, childName+"="+name)
	p, err := child.Start(cmd, syscall.SIGKILL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Kill(); err != nil {
			t.Error(err)
		}
	})
	return p
}

// Fifty times the leader is killed, or stopped until another one leads, or stopped for a
// random time, at a random moment.
func TestFiftyLeadersEndAtRandomMoments(t *testing.T) {
	t.Parallel()
	h, address := newHouse(t), redistest.New(t)
	h.with(func() { h.next = 1 }) // as fast as may be
	processes := map[string]*child.Process{}
	hire := func() {
		name := fmt.Sprint("c", len(processes))
		processes[name] = spawn(t, name, h.URL, address)
	}
	for range 3 {
		hire()
	}
	const ends = 50
	var worst, total time.Duration
	for n := range ends {
		leader := h.led(t, wheel)
		<-time.After(rand.N(shortLease)) // a random moment is what is tried
		began := time.Now()
		switch n % 3 {
		case 0:
			if err := processes[leader].Kill(); err != nil {
				t.Fatal(err)
			}
			hire()
			h.led(t, wheel, leader)
		case 1:
			send(t, processes[leader], syscall.SIGSTOP)
			h.led(t, wheel, leader)
			send(t, processes[leader], syscall.SIGCONT)
		default: // it may go on before, at or after the end of its lease
			send(t, processes[leader], syscall.SIGSTOP)
			<-time.After(rand.N(2 * shortLease))
			send(t, processes[leader], syscall.SIGCONT)
			h.led(t, wheel)
		}
		took := time.Since(began)
		worst, total = max(worst, took), total+took
	}
	h.led(t, wheel)
	h.sound(t)
	stale := 0
	for _, c := range h.since(0, wheel) {
		if c.stale {
			stale++
		}
	}
	t.Logf("%d calls, %d of them refused as stale; somebody led again after %s, %s at worst; leases of %s", h.count(), stale, total/ends, worst, shortLease)
}

func send(t *testing.T, p *child.Process, s syscall.Signal) {
	t.Helper()
	if err := p.Signal(s); err != nil {
		t.Fatal(err)
	}
}

// A process that is told to end gives its lease back before it is gone.
func TestAnEndingProcessLeavesNoLease(t *testing.T) {
	t.Parallel()
	h, address := newHouse(t), redistest.New(t)
	p := spawn(t, "one", h.URL, address)
	h.led(t, wheel)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := p.Stop(ctx, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	held, err := dial(t, address).Keys(t.Context(), "vegas:*").Result()
	if err != nil || strings.Join(held, " ") != keys(wheel)[1] {
		t.Errorf("Redis holds %q, %v; want the counter alone", held, err)
	}
}
