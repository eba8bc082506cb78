package localpg

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start runs a cluster in a folder of the test and stops it at its end.
func start(t *testing.T, opts Options) *Server {
	t.Helper()
	s, err := Start(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := s.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
	return s
}

func query[T any](t *testing.T, s *Server, sql string) T {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), s.URL("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(t.Context()) }()
	var v T
	if err := conn.QueryRow(t.Context(), sql).Scan(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

func run(t *testing.T, s *Server, sql string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), s.URL("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(t.Context()) }()
	if _, err := conn.Exec(t.Context(), sql); err != nil {
		t.Fatal(err)
	}
}

func TestStartMakesAClusterAndFindsItAgain(t *testing.T) {
	t.Parallel()
	opts := Options{Dir: t.TempDir(), NoSync: true}
	began := time.Now()
	first := start(t, opts)
	t.Logf("first start: %s", time.Since(began))
	if !first.Created() {
		t.Error("the first start did not make the cluster")
	}
	run(t, first, "CREATE TABLE kept ()")
	if err := first.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	began = time.Now()
	second := start(t, opts)
	t.Logf("second start: %s", time.Since(began))
	if second.Created() {
		t.Error("the second start made a new cluster")
	}
	if second.Port() != first.Port() {
		t.Errorf("port %d, was %d", second.Port(), first.Port())
	}
	if !query[bool](t, second, "SELECT to_regclass('kept') IS NOT NULL") {
		t.Error("the table of the first run is gone")
	}
}

func TestTheClusterIsUTF8WithByteOrderAndNoSocket(t *testing.T) {
	t.Parallel()
	s := start(t, Options{Dir: t.TempDir(), NoSync: true, Settings: map[string]string{"max_connections": "7"}})
	for _, c := range []struct{ sql, want string }{
		{"SHOW server_encoding", "UTF8"},
		{"SHOW lc_collate", "C"},
		{"SHOW unix_socket_directories", ""},
		{"SHOW listen_addresses", "127.0.0.1"},
		{"SHOW fsync", "off"},
		{"SHOW max_connections", "7"},
		{"SHOW timezone", "UTC"},
	} {
		if got := query[string](t, s, c.sql); got != c.want {
			t.Errorf("%s: got %q, want %q", c.sql, got, c.want)
		}
	}
	address := "postgres://vegas:wrong@127.0.0.1:" + strconv.Itoa(s.Port()) + "/postgres"
	if conn, err := pgx.Connect(t.Context(), address); err == nil {
		t.Error("a wrong password was let in")
		_ = conn.Close(t.Context())
	}
}

func TestAKilledServerComesBackOnItsPortWithCommittedData(t *testing.T) {
	t.Parallel()
	for _, noSync := range []bool{false, true} {
		t.Run(fmt.Sprintf("NoSync %v", noSync), func(t *testing.T) {
			t.Parallel()
			killAndStart(t, noSync)
		})
	}
}

func killAndStart(t *testing.T, noSync bool) {
	s := start(t, Options{Dir: t.TempDir(), NoSync: noSync})
	if got := query[bool](t, s, "SELECT current_setting('fsync')::bool"); got == noSync {
		t.Errorf("fsync is %v", got)
	}
	run(t, s, "CREATE TABLE kept ()")
	port, pid := s.Port(), s.Pid()
	if err := s.Kill(t.Context()); err != nil {
		t.Fatal(err)
	}
	if pids, err := holders(s.data()); err != nil || len(pids) != 0 {
		t.Errorf("after Kill %v still work in the folder (%v)", pids, err)
	}
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s.Port() != port || s.Pid() == pid {
		t.Errorf("port %d pid %d, before %d %d", s.Port(), s.Pid(), port, pid)
	}
	if !query[bool](t, s, "SELECT to_regclass('kept') IS NOT NULL") {
		t.Error("committed data is gone")
	}
}

func TestAStalePidFileOfAStrangerDoesNotBlockTheStart(t *testing.T) {
	t.Parallel()
	opts := Options{Dir: t.TempDir(), NoSync: true}
	s := start(t, opts)
	if err := s.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	// The id in the file is alive, but it is this test, not a server on this folder.
	file := filepath.Join(s.data(), "postmaster.pid")
	text := strconv.Itoa(os.Getpid()) + "\n" + s.data() + "\n1\n" + strconv.Itoa(s.Port()) + "\n\n127.0.0.1\n0 0\nready\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	start(t, opts)
}

func TestASecondServerOnOneFolderIsRefused(t *testing.T) {
	t.Parallel()
	opts := Options{Dir: t.TempDir(), NoSync: true}
	s := start(t, opts)
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	if _, err := Start(ctx, opts); !errors.Is(err, ErrRunning) {
		t.Errorf("got %v", err)
	}
	if err := Remove(ctx, opts.Dir); !errors.Is(err, ErrRunning) {
		t.Errorf("remove: got %v", err)
	}
	query[int](t, s, "SELECT 1") // the first one was left alone
}
