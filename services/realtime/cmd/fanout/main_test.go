package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/vegascore/vegascore/services/realtime/testclient"
	"github.com/vegascore/vegascore/shared/redistest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start runs a server until the test ends and returns its URL.
func start(t *testing.T, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	read, write := io.Pipe()
	ended := make(chan error, 1)
	go func() { // ends with ctx
		ended <- run(ctx, args, write)
		_ = write.Close() // of a pipe: never fails
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("run: %v", err)
		}
	})
	line, err := bufio.NewReader(read).ReadString('\n')
	addr, ok := strings.CutPrefix(strings.TrimSpace(line), "listening on ")
	if !ok {
		t.Fatalf("first line is %q, %v", line, err)
	}
	return "http://" + addr
}

func client(t *testing.T, script *testclient.Script, name, url string) {
	t.Helper()
	script.Tell(testclient.Command{"do": "connect", "client": name, "url": url})
	script.On(name, "connect")
	ask(t, script, name, "join", "room")
}

func ask(t *testing.T, script *testclient.Script, name, event string, args ...any) {
	t.Helper()
	if _, err := script.Ask(testclient.Command{"do": "emit", "client": name, "event": event, "args": args, "timeout": 5000}); err != nil {
		t.Fatalf("%s %s: %v", name, event, err)
	}
}

func TestPublishReachesTheRoom(t *testing.T) {
	t.Parallel()
	url := start(t)
	script := testclient.Start(t, "client.mjs")
	client(t, script, "a", url)
	client(t, script, "b", url)
	for i := range 5 {
		ask(t, script, "a", "publish", "room", map[string]any{"z": i, "a": 1})
	}
	for _, name := range []string{"a", "b"} {
		for i := range 5 {
			want := fmt.Sprintf(`[{"a":1,"z":%d}]`, i) // as Go's map was sent
			if l := script.On(name, "event"); l.Event != "publish" || string(l.Args) != want {
				t.Errorf("%s heard %s %s, want %s", name, l.Event, l.Args, want)
			}
		}
	}
}

func TestServersShareRoomsThroughRedis(t *testing.T) {
	t.Parallel()
	redis := redistest.New(t)
	near, far := start(t, "-redis", redis), start(t, "-redis", redis)
	script := testclient.Start(t, "client.mjs")
	client(t, script, "a", near)
	client(t, script, "b", far)
	// The servers find each other in the background.
	deadline := time.Now().Add(10 * time.Second)
	for {
		ask(t, script, "a", "publish", "room", 1)
		if _, ok := script.Take(func(l testclient.Line) bool { return l.Client == "b" && l.On == "event" }); ok {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("b hears nothing")
		}
	}
}

func TestWrongFlagsAreAnError(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"-addr", "nowhere:-1"}, {"-redis", "http://x"}, {"-what"}} {
		if err := run(t.Context(), args, io.Discard); err == nil {
			t.Errorf("run(%v) succeeded", args)
		}
	}
}
