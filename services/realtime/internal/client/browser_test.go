package client

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vegascore/vegascore/services/realtime/engineio"
	"github.com/vegascore/vegascore/services/realtime/socketio"
)

// A page in a real browser loads the script from the server and uses it: see
// browser.mjs. It connects by each transport, sends and receives nested bytes, and goes
// on where it stopped after its connection broke.
func TestABrowserTalksToTheServer(t *testing.T) {
	t.Parallel()
	srv := socketio.New(socketio.Options{
		Logger: slog.New(slog.DiscardHandler), Recovery: time.Minute,
		Engine: engineio.Options{Transports: []string{"polling", "websocket"}},
	})
	srv.Of("/").OnConnect(func(s *socketio.Socket) {
		s.Join("room")
		s.On("echo", func(args socketio.Args, ack socketio.Ack) {
			if values, err := args.Values(); err == nil {
				ack(values...)
			}
		})
		s.On("later", func(args socketio.Args, _ socketio.Ack) { // is said while the page is away
			time.AfterFunc(100*time.Millisecond, func() { _ = srv.Of("/").To("room").EmitRaw("said", args.From(0)) })
		})
	})
	mux := http.NewServeMux()
	mux.Handle("/socket.io/", srv)
	mux.Handle("GET /socket.io/socket.io.js", Handler())
	mux.HandleFunc("/{$}", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `<!doctype html><title>client</title><script src="/socket.io/socket.io.js"></script>`)
	})
	web := httptest.NewServer(mux)
	defer web.Close()
	defer func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := srv.Shutdown(ctx, 0); err != nil {
			t.Error(err)
		}
	}()
	modules, err := filepath.Abs("../../../../infra/dev/page/browsertest")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "node", "browser.mjs", modules, web.URL)
	cmd.Env = os.Environ()
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("browser.mjs: %v\n%s", err, out)
	}
	if !strings.Contains(string(out), "all seen") {
		t.Errorf("%s", out)
	}
}
