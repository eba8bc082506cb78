// Package bouncer runs a real PgBouncer in transaction mode for tests of what works, and
// what must be refused, behind one.
package bouncer

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/vegascore/vegascore/shared/child"
)

// patience bounds the start on a busy machine.
const patience = 30 * time.Second

// Start runs PgBouncer with at most n server connections before the database of address
// until the test ends, and returns the URL of the way through it. A machine without
// PgBouncer fails the test.
func Start(t testing.TB, address string, n int) (through string) {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatalf("start PgBouncer: %v", err)
	}
	target, err := pgconn.ParseConfig(address)
	if err != nil {
		t.Fatalf("start PgBouncer: %v", err)
	}
	port, err := child.Port()
	if err != nil {
		t.Fatalf("start PgBouncer: %v", err)
	}
	// It knows no user but the one of the address: who connects becomes that one.
	config := fmt.Sprintf(`[databases]
%[1]s = host=%[2]s port=%[3]d dbname=%[1]s user=%[4]s password=%[5]s
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = %[6]d
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = %[7]d
max_client_conn = 500
ignore_startup_parameters = extra_float_digits
`, target.Database, target.Host, target.Port, target.User, target.Password, port, n)
	file := filepath.Join(t.TempDir(), "pgbouncer.ini")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatalf("start PgBouncer: %v", err)
	}
	args := []string{file}
	if os.Getuid() == 0 {
		args = append([]string{"-u", "nobody"}, args...) // it refuses to run as root
	}
	binary, err := exec.LookPath("pgbouncer")
	if err != nil {
		if binary, err = exec.LookPath("/usr/sbin/pgbouncer"); err != nil {
			t.Fatalf("start PgBouncer: %v; make prepare installs it", err)
		}
	}
	cmd := exec.Command(binary, args...)
	cmd.Stderr = t.Output()
	process, err := child.Start(cmd, syscall.SIGKILL)
	if err != nil {
		t.Fatalf("start PgBouncer: %v", err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		_ = process.Stop(ctx, syscall.SIGTERM) // killed if it must be
	})
	u.Host = net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	await(t, u.String(), process)
	return u.String()
}

// await returns once a query gets through.
func await(t testing.TB, address string, process *child.Process) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for {
		err := ask(ctx, address)
		if err == nil {
			return
		}
		select {
		case <-process.Done():
			t.Fatalf("start PgBouncer: it ended: %v", process.Err())
		case <-ctx.Done():
			t.Fatalf("start PgBouncer: %v", err)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func ask(ctx context.Context, address string) error {
	config, err := pgx.ParseConfig(address)
	if err != nil {
		return err
	}
	config.DefaultQueryExecMode = pgx.QueryExecModeExec
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }()
	_, err = conn.Exec(ctx, "SELECT 1")
	return err
}
