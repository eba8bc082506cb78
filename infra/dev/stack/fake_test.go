package stack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"

	"github.com/vegascore/vegascore/shared/auth"
)

// The test binary plays the deployables when it is called by their names.
func TestMain(m *testing.M) {
	var err error
	switch name := filepath.Base(os.Args[0]); name {
	case "realtime", "actions", "events":
		err = playService(name)
	case "migrate":
		err = playMigrate()
	case "broken":
		err = errors.New("this service never starts")
	case "holder":
		err = playHolder(os.Args[1], os.Args[2])
	default:
		goleak.VerifyTestMain(m)
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "fake:", err)
		os.Exit(1)
	}
}

// playService answers probes, tells its environment at /v1/env and ends in order on
// SIGTERM. As events it counts the pushes that carry a good token.
func playService(name string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	log := slog.New(slog.NewJSONHandler(os.Stderr, nil))
	var pushes atomic.Int64
	mux := http.NewServeMux()
	mux.HandleFunc("/ready", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"ready":true,"uptime":0}`) })
	mux.HandleFunc("/health", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"status":"healthy","components":{}}`) })
	mux.HandleFunc("/v1/env", func(w http.ResponseWriter, _ *http.Request) { _ = json.NewEncoder(w).Encode(os.Environ()) })
	mux.HandleFunc("/v1/pushes", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, pushes.Load()) })
	mux.HandleFunc("/socket.io/", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, os.Getenv("PORT")) })
	if name == "events" {
		verifier, err := auth.NewPushVerifier(ctx, auth.PushConfig{
			Audience: os.Getenv("PUSH_AUDIENCE"), Issuer: os.Getenv("PUSH_ISSUER"), Email: os.Getenv("PUSH_EMAIL"), JWKSFile: os.Getenv("PUSH_JWKS_FILE"),
		})
		if err != nil {
			return err
		}
		mux.HandleFunc("POST /push/leaderboard", func(w http.ResponseWriter, r *http.Request) {
			if err := verifier.Verify(r.Context(), r); err != nil {
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			pushes.Add(1)
		})
		mux.HandleFunc("POST /push/tournaments", func(http.ResponseWriter, *http.Request) {})
	}
	server := &http.Server{Addr: "127.0.0.1:" + os.Getenv("PORT"), Handler: mux}
	log.Info("listening")
	served := make(chan error, 1)
	go func() { served <- server.ListenAndServe() }()
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
		return server.Close()
	}
}

// playMigrate makes the group of the services and counts its runs.
func playMigrate() error {
	if len(os.Args) != 2 || os.Args[1] != "up" {
		return fmt.Errorf("arguments %q", os.Args[1:])
	}
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, os.Getenv("DIRECT_URL"))
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }()
	_, err = conn.Exec(ctx, `DO $$ BEGIN CREATE ROLE vegas_app NOLOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
		CREATE TABLE IF NOT EXISTS runs (at timestamptz DEFAULT now()); INSERT INTO runs DEFAULT VALUES;
		GRANT SELECT ON runs TO vegas_app`)
	return err
}

// playHolder runs a stack in a folder until it is killed.
func playHolder(bin, dir string) error {
	s, err := Start(context.Background(), Options{Dir: dir, Bin: bin, NoSync: false})
	if err != nil {
		return err
	}
	pids := []string{fmt.Sprint(s.Postgres().Pid())}
	if s.Redis() != nil {
		pids = append(pids, fmt.Sprint(s.Redis().Pid()))
	}
	for _, service := range s.Services() {
		pids = append(pids, fmt.Sprint(service.Pid()))
	}
	fmt.Println(strings.Join(pids, " "))
	select {}
}

// fakes is a folder with the test binary under the names of the deployables.
func fakes(t *testing.T) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, name := range []string{"realtime", "actions", "events", "migrate", "holder"} {
		if err := os.Symlink(self, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// up starts a stack of fakes and stops it with the test.
func up(t *testing.T, opts Options) *Stack {
	t.Helper()
	if opts.Bin == "" {
		opts.Bin = fakes(t)
	}
	opts.NoSync = true
	if opts.Env == nil {
		opts.Env = map[string]map[string]string{"": {}}
	}
	opts.Env[""]["GORACE"] = "atexit_sleep_ms=0" // the race detector sleeps a second at the end
	opts.Progress, opts.Logs = t.Output(), t.Output()
	s, err := Start(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { down(t, s) })
	return s
}

// down stops a stack, once.
func down(t *testing.T, s *Stack) {
	t.Helper()
	select {
	case <-s.stopping:
		return
	default:
	}
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	if err := s.Stop(ctx); err != nil {
		t.Error(err)
	}
}

func await(t *testing.T, what string, met func() bool) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for !met() {
		if time.Now().After(deadline) {
			t.Fatalf("never happened: %s", what)
		}
		<-time.After(5 * time.Millisecond)
	}
}
