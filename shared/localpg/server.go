package localpg

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/vegascore/vegascore/shared/child"
)

// Superuser is the role that initdb makes.
const Superuser = "vegas"

// Options of a cluster.
type Options struct {
	// Dir holds everything: data, log, password, port. It is made if missing.
	Dir string
	// Port is a fixed port; 0 takes the one of the last start if it is free, else any.
	Port int
	// NoSync turns fsync off: for data that nobody misses after a crash of the machine.
	// A crash of the server loses nothing that was committed.
	NoSync bool
	// Trust lets every local user in without a password: for throwaway data.
	Trust bool
	// Leave runs the server without a goroutine until Stop or the end of this
	// process and then removes Dir (child.Leave).
	Leave bool
	// Settings are added to the server's own, which keep it small.
	Settings map[string]string
	// Getenv defaults to os.Getenv; VEGAS_PG_BIN names the binaries' folder.
	Getenv func(string) string
}

// Server is a cluster whose server runs, or ran until Stop or Kill. Its methods may
// be called concurrently.
type Server struct {
	opts     Options
	bin      binaries
	identity identity
	password string
	created  bool

	control sync.Mutex // held by Start, Stop and Kill, so that they do not mix

	mu      sync.Mutex // guards what follows
	port    int
	process *child.Process // nil with Leave
	left    *child.Left    // nil without Leave
	pid     int
}

// Start makes the cluster if Dir holds none and starts its server. It returns once
// the server answers, or when it fails, ctx ends, or 60 s are over.
func Start(ctx context.Context, opts Options) (*Server, error) {
	if opts.Getenv == nil {
		opts.Getenv = os.Getenv
	}
	dir, err := filepath.Abs(opts.Dir)
	if err != nil {
		return nil, fmt.Errorf("start PostgreSQL: %w", err)
	}
	opts.Dir = dir
	s := &Server{opts: opts, port: opts.Port}
	major, err := clusterMajor(s.data())
	if err != nil {
		return nil, err
	}
	if s.bin, err = findBinaries(opts.Getenv, major); err != nil {
		return nil, err
	}
	if s.identity, err = newIdentity(); err != nil {
		return nil, err
	}
	if err := s.prepare(ctx, major == 0); err != nil {
		return nil, err
	}
	if err := s.Start(ctx); err != nil {
		undo, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		return nil, errors.Join(err, s.Stop(undo))
	}
	return s, nil
}

func (s *Server) data() string { return filepath.Join(s.opts.Dir, "data") }

// Created says whether Start made the cluster rather than found it.
func (s *Server) Created() bool { return s.created }

// Version is the major version of the server.
func (s *Server) Version() int { return s.bin.major }

// LogFile is where the server writes.
func (s *Server) LogFile() string { return filepath.Join(s.opts.Dir, "log") }

// Port is the TCP port on 127.0.0.1; it stays the same over Kill and Start.
func (s *Server) Port() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.port
}

// Pid is the process id of the postmaster.
func (s *Server) Pid() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pid
}

// Done is closed when the server has ended; nil with Leave.
func (s *Server) Done() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process == nil {
		return nil
	}
	return s.process.Done()
}

// URL is the superuser's connection string for a database.
func (s *Server) URL(database string) string {
	return s.url(Superuser, s.password, database)
}

func (s *Server) url(user, password, database string) string {
	u := url.URL{
		Scheme: "postgres", User: url.UserPassword(user, password), Path: "/" + database, RawQuery: "sslmode=disable",
		Host: net.JoinHostPort("127.0.0.1", strconv.Itoa(s.Port())),
	}
	return u.String()
}

// Start starts the server again after Stop or Kill, on the same port.
func (s *Server) Start(ctx context.Context) error {
	s.control.Lock()
	defer s.control.Unlock()
	ctx, cancel := context.WithTimeout(ctx, 60*time.Second)
	defer cancel()
	if err := clearStale(ctx, s.data()); err != nil {
		return err
	}
	for attempt := 1; ; attempt++ {
		err := s.launch(ctx)
		if err == nil {
			return nil
		}
		// Between looking for a free port and binding it, somebody else can take it.
		if attempt == 3 || s.opts.Port != 0 || !errors.Is(err, errPortTaken) {
			return err
		}
		s.mu.Lock()
		s.port = 0
		s.mu.Unlock()
	}
}

func (s *Server) launch(ctx context.Context) error {
	if err := s.choosePort(); err != nil {
		return err
	}
	log, err := os.OpenFile(s.LogFile(), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("start PostgreSQL: %w", err)
	}
	defer log.Close()
	cmd := s.command("postgres", append([]string{"-D", s.data()}, s.flags()...)...)
	cmd.Stdout, cmd.Stderr = log, log
	if err := s.spawn(cmd); err != nil {
		return fmt.Errorf("start PostgreSQL: %w", err)
	}
	return s.await(ctx)
}

func (s *Server) spawn(cmd *exec.Cmd) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.opts.Leave {
		left, err := child.Leave(cmd, syscall.SIGQUIT, s.opts.Dir)
		if err != nil {
			return err
		}
		s.left, s.pid = left, left.Pid()
		return nil
	}
	death := syscall.SIGINT // a fast, clean shutdown
	if s.opts.NoSync {
		death = syscall.SIGQUIT
	}
	process, err := child.Start(cmd, death)
	if err != nil {
		return err
	}
	s.process, s.pid = process, process.Pid()
	return nil
}

var errPortTaken = errors.New("its port is taken")

// await polls until the server accepts connections.
func (s *Server) await(ctx context.Context) error {
	ended := s.Done()
	for {
		err := s.greet(ctx)
		if err == nil {
			return nil
		}
		if said := s.logTail(); errors.Is(err, errPortTaken) || strings.Contains(said, "could not bind") {
			return fmt.Errorf("start PostgreSQL: %w: %s", errPortTaken, said)
		}
		select {
		case <-ended:
			return fmt.Errorf("start PostgreSQL: it ended: %s", s.logTail())
		case <-ctx.Done():
			return fmt.Errorf("start PostgreSQL: not ready: %w: %s", err, s.logTail())
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// greet connects once and makes sure that it is our server which answers: another
// one can have taken the port meanwhile.
func (s *Server) greet(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, s.URL("postgres"))
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }()
	var data string
	if err := conn.QueryRow(ctx, "SHOW data_directory", pgx.QueryExecModeSimpleProtocol).Scan(&data); err != nil {
		return err
	}
	if data != s.data() {
		return fmt.Errorf("%w: by the server of %s", errPortTaken, data)
	}
	return nil
}

// logTail is the end of the server's log, for errors.
func (s *Server) logTail() string {
	b, err := os.ReadFile(s.LogFile())
	if err != nil {
		return err.Error()
	}
	const most = 1 << 10 // bytes
	if len(b) > most {
		b = b[len(b)-most:]
	}
	return strings.TrimSpace(string(b))
}

// Stop shuts the server down: sessions are cut, data is written out. When ctx ends
// first, the server is killed and the error says so.
func (s *Server) Stop(ctx context.Context) error {
	s.control.Lock()
	defer s.control.Unlock()
	process, left := s.running()
	switch {
	case left != nil:
		return left.End()
	case process != nil:
		return process.Stop(ctx, syscall.SIGINT)
	default:
		return nil
	}
}

var errLeft = errors.New("control PostgreSQL: not possible with Options.Leave")

// Kill ends the postmaster as kill -9 does and waits until the last of its
// processes is gone.
func (s *Server) Kill(ctx context.Context) error {
	s.control.Lock()
	defer s.control.Unlock()
	process, _ := s.running()
	if process == nil {
		return errLeft
	}
	if err := process.Kill(); err != nil {
		return err
	}
	return clearStale(ctx, s.data())
}

// Signal sends sig to the postmaster.
func (s *Server) Signal(sig syscall.Signal) error {
	process, _ := s.running()
	if process == nil {
		return errLeft
	}
	return process.Signal(sig)
}

func (s *Server) running() (*child.Process, *child.Left) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.process, s.left
}

// command prepares a PostgreSQL program with an environment in which no PG*
// variable of the caller changes what it does.
func (s *Server) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(s.bin.path(name), args...)
	cmd.Dir = s.opts.Dir
	for _, kv := range os.Environ() {
		if !strings.HasPrefix(kv, "PG") && !strings.HasPrefix(kv, "LC_") && !strings.HasPrefix(kv, "LANG") {
			cmd.Env = append(cmd.Env, kv)
		}
	}
	cmd.Env = append(cmd.Env, "LC_ALL=C", "TZ=UTC")
	s.identity.apply(cmd)
	return cmd
}
