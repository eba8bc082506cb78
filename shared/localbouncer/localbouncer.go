// Package localbouncer runs a private PgBouncer in transaction mode from the binary that
// is installed, for tests and figures of what works, and what it costs, behind one.
package localbouncer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/vegascore/vegascore/shared/child"
)

// patience bounds the start on a busy machine.
const patience = 30 * time.Second

// Server is a PgBouncer that runs until Stop. Its methods may be called concurrently.
type Server struct {
	process *child.Process
	said    *output
	url     string
}

// Start runs PgBouncer with at most n server connections before the database of address,
// with its configuration in the folder dir. It returns once a query gets through.
func Start(ctx context.Context, dir, address string, n int) (*Server, error) {
	s, err := start(dir, address, n)
	if err != nil {
		return nil, fmt.Errorf("start PgBouncer: %w", err)
	}
	if err := s.await(ctx); err != nil {
		_ = s.Stop(context.WithoutCancel(ctx)) // the first error is the one to tell
		return nil, fmt.Errorf("start PgBouncer: %w", err)
	}
	return s, nil
}

func start(dir, address string, n int) (*Server, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, errors.New("not a connection URL (postgres://...)") // err may hold the password
	}
	target, err := pgconn.ParseConfig(address)
	if err != nil {
		return nil, err
	}
	port, err := child.Port()
	if err != nil {
		return nil, err
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
	file := filepath.Join(dir, "pgbouncer-"+strconv.Itoa(port)+".ini")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		return nil, err
	}
	args := []string{file}
	if os.Getuid() == 0 {
		args = append([]string{"-u", "nobody"}, args...) // it refuses to run as root
	}
	binary, err := exec.LookPath("pgbouncer")
	if err != nil {
		if binary, err = exec.LookPath("/usr/sbin/pgbouncer"); err != nil {
			return nil, fmt.Errorf("%w; make prepare installs it", err)
		}
	}
	cmd := exec.Command(binary, args...)
	s := &Server{said: &output{}}
	cmd.Stderr = s.said
	if s.process, err = child.Start(cmd, syscall.SIGKILL); err != nil {
		return nil, err
	}
	u.Host = net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	s.url = u.String()
	return s, nil
}

// URL is the way through it, for the user of the address alone.
func (s *Server) URL() string { return s.url }

// Stop cuts all connections. When ctx ends first, the process is killed.
func (s *Server) Stop(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return s.process.Stop(ctx, syscall.SIGTERM)
}

// await returns once a query gets through.
func (s *Server) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		err := ask(ctx, s.url)
		if err == nil {
			return nil
		}
		select {
		case <-s.process.Done():
			return fmt.Errorf("it ended: %w: %s", s.process.Err(), s.said)
		case <-ctx.Done():
			return fmt.Errorf("not ready: %w: %s", err, s.said)
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

// output keeps the first 4 KiB that the process says.
type output struct {
	mu   sync.Mutex
	text []byte
}

// Write implements io.Writer.
func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.text = append(o.text, b[:min(len(b), 4<<10-len(o.text))]...)
	return len(b), nil
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return string(bytes.TrimSpace(o.text))
}
