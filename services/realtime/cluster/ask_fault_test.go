package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/vegascore/vegascore/services/realtime/socketio"
	"github.com/vegascore/vegascore/shared/redisconn"
	"github.com/vegascore/vegascore/shared/redistest"
)

// containerRedis makes this test program a container of its own, which can be stopped
// and killed, and containerMode says on which wire.
const (
	containerRedis = "TEST_CONTAINER_REDIS"
	containerMode  = "TEST_CONTAINER_MODE"
)

// runContainer is a container without clients. It ends with its input.
func runContainer(address string) {
	publish, subscribe, err := redisconn.OpenPair(address)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	defer func() { _, _ = publish.Close(), subscribe.Close() }()
	quiet := slog.New(slog.DiscardHandler)
	adapter := NewRedis(publish, subscribe, Options{}, quiet)
	if mode := Mode(os.Getenv(containerMode)); mode != "" {
		adapter = NewSharded(publish, subscribe, mode, Options{}, quiet)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { adapter.Run(ctx) }) // ends with ctx
	srv := socketio.New(socketio.Options{Adapter: adapter, Logger: quiet})
	srv.Of("/").OnServerSide("ask", func(_ socketio.Args, ack socketio.Ack) { ack("container") })
	// Polled, since nothing tells. Whoever started this gives up after patience, too.
	for began := time.Now(); !adapter.Status().Connected && time.Since(began) < patience; {
		sleep(ctx, 5*time.Millisecond)
	}
	fmt.Println(`{"on":"listening"}`)
	_, _ = io.Copy(io.Discard, os.Stdin)
	_ = srv.Shutdown(ctx, 0)
	cancel()
	running.Wait()
}

// container starts one.
func (m *mixed) container(t *testing.T) *script {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), containerRedis+"="+m.url, containerMode+"="+string(m.mode))
	s := runCommand(t, cmd, m.url)
	s.wait(t, "the container listens", func(l line) bool { return l.On == "listening" })
	return s
}

// Whoever stands still or is gone does not hold up what others ask: they get what the
// living say, and that somebody is missing.
func TestAContainerThatStandsStillDelaysNobody(t *testing.T) {
	t.Parallel()
	for _, how := range []setup{setups[0], setups[2]} {
		t.Run(how.name, func(t *testing.T) {
			t.Parallel()
			m := mixAs(t, how)
			ns := m.ours.Of("/")
			container, second := m.container(t), run(t, "server.mjs", m.url, "0", how.node)
			second.wait(t, "the second Node server listens", func(l line) bool { return l.On == "listening" })
			servers := func(want int) {
				t.Helper()
				eventually(t, "count servers", func() (bool, any) {
					n, err := ns.Size(t.Context())
					return n == want && err == nil, n
				})
			}
			servers(4)
			if got, err := ns.ServerSideEmitWithAck(t.Context(), "ask"); !slices.Equal(answerTexts(t, got), []string{`"container"`}) || !isPartial(err, 3, 1) {
				t.Errorf("ServerSideEmitWithAck = %v, %v; Node servers have no such event", got, err)
			}

			container.signal(t, syscall.SIGSTOP)
			second.signal(t, syscall.SIGSTOP)
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			for name, ask := range map[string]func() (int, error){
				"FetchSockets": func() (int, error) { found, err := ns.FetchSockets(ctx); return len(found), err },
				"AllRooms":     func() (int, error) { rooms, err := ns.AllRooms(ctx); return len(rooms) - 1, err },
				"EmitWithAck":  func() (int, error) { answers, err := ns.To("r").EmitWithAck(ctx, "ask", 1); return len(answers), err },
				"Stats":        func() (int, error) { stats, err := ns.Stats(ctx); return stats.Sockets, err },
			} {
				began := time.Now()
				found, err := ask()
				if found != 2 || !isPartial(err, 3, 1) {
					t.Errorf("%s = %d, %v; want what two of four have", name, found, err)
				}
				took := time.Since(began)
				t.Logf("%s took %s", name, took.Round(time.Millisecond))
				if took > patience/2 { // 900 ms on a machine that is not busy
					t.Errorf("%s took %s", name, took)
				}
			}
			ok(t, ns.To("nobody").SocketsJoin("x")) // no answer is awaited

			container.signal(t, syscall.SIGKILL)
			second.signal(t, syscall.SIGKILL)
			servers(2)
			if found, err := ns.FetchSockets(t.Context()); err != nil || len(found) != 2 {
				t.Errorf("FetchSockets = %v, %v once they are gone", found, err)
			}
		})
	}
}

// isPartial says whether so many other servers were asked, and have answered.
func isPartial(err error, servers, answered int) bool {
	var partial *socketio.PartialError
	return errors.As(err, &partial) && errors.Is(err, socketio.ErrPartial) && partial.Servers == servers && partial.Answered == answered
}

func TestAContainerWithoutRedisAnswersForItself(t *testing.T) {
	t.Parallel()
	redis := redistest.Server(t)
	m := &mixed{setup: setups[0], url: redis.URL, heard: map[string]int{}}
	m.opts.Quiet = time.Second
	m.serve(t)
	ns := m.ours.Of("/")
	redis.Stop()
	eventually(t, "the loss is known", func() (bool, any) { s := m.adapter.Status(); return !s.Connected, s })
	found, err := ns.FetchSockets(t.Context())
	var partial *socketio.PartialError
	if len(found) != 1 || !errors.As(err, &partial) || partial.Cause == nil {
		t.Errorf("FetchSockets = %v, %v", found, err)
	}
	if err := ns.SocketsJoin("here"); err == nil {
		t.Error("SocketsJoin says nothing")
	}
	answers, err := ns.EmitWithAck(t.Context(), "ask", 1)
	if len(answers) != 1 || !errors.Is(err, socketio.ErrPartial) {
		t.Errorf("EmitWithAck = %v, %v", answers, err)
	}
	eventually(t, "ServerSideEmit says so", func() (bool, any) { return ns.ServerSideEmit("ask") != nil, nil })
	if diff := cmp.Diff([]string{m.onUs, "r", "here"}, ns.Sockets("here")[0].Rooms(), cmpopts.SortSlices(func(a, b string) bool { return a < b })); diff != "" {
		t.Error(diff)
	}
}
