// Package localredis runs a private redis-server from the binary that is installed
// on this machine: for the local stack and for tests. It listens on a port of
// 127.0.0.1 and ends with the process that started it (package child).
package localredis

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/vegascore/vegascore/shared/child"
)

// ErrNoBinary says that redis-server is not installed; its text names the command
// that installs it.
var ErrNoBinary = errors.New("no redis-server on PATH: run `apt-get install -y redis-server` (or `brew install redis`)")

// Options of a server.
type Options struct {
	// Dir holds the data and the log. It is made if missing.
	Dir string
	// Port is a fixed port; 0 takes any free one.
	Port int
	// Keep writes the data to Dir, so that the next start on Dir finds it.
	Keep bool
	// Leave runs the server without a goroutine until Stop or the end of this
	// process and then removes Dir (child.Leave).
	Leave bool
	// Settings are redis.conf directives, added to the server's own.
	Settings map[string]string
	// Sentinel makes the server a Sentinel instead: its directives, one a line. It keeps
	// what it learns over Kill and Start.
	Sentinel []string
}

// Server is a redis-server that runs, or ran until Stop or Kill. Its methods may be
// called concurrently.
type Server struct {
	opts   Options
	binary string

	control sync.Mutex // held by Start, Stop and Kill, so that they do not mix

	mu      sync.Mutex // guards what follows
	port    int
	process *child.Process // nil with Leave
	left    *child.Left    // nil without Leave
	pid     int
}

// Installed says whether Start can find a redis-server.
func Installed() bool {
	_, err := exec.LookPath("redis-server")
	return err == nil
}

// Start starts a server and returns once it answers, or when it fails, ctx ends, or
// 30 s are over.
func Start(ctx context.Context, opts Options) (*Server, error) {
	binary, err := exec.LookPath("redis-server")
	if err != nil {
		return nil, ErrNoBinary
	}
	if opts.Dir, err = filepath.Abs(opts.Dir); err != nil {
		return nil, fmt.Errorf("start Redis: %w", err)
	}
	if err := os.MkdirAll(opts.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("start Redis: %w", err)
	}
	s := &Server{opts: opts, binary: binary, port: opts.Port}
	if err := s.Start(ctx); err != nil {
		undo, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		return nil, errors.Join(err, s.Stop(undo))
	}
	return s, nil
}

// Addr is host:port.
func (s *Server) Addr() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port))
}

// URL is the connection string of logical database 0.
func (s *Server) URL() string { return "redis://" + s.Addr() + "/0" }

// Pid is the process id.
func (s *Server) Pid() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pid
}

// LogFile is where the server writes.
func (s *Server) LogFile() string { return filepath.Join(s.opts.Dir, "log") }

// Done is closed when the server has ended; nil with Leave.
func (s *Server) Done() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process == nil {
		return nil
	}
	return s.process.Done()
}

// Start starts the server again after Stop or Kill, on the same port.
func (s *Server) Start(ctx context.Context) error {
	s.control.Lock()
	defer s.control.Unlock()
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for attempt := 1; ; attempt++ {
		err := s.launch(ctx)
		// Between looking for a free port and binding it, somebody else can take it.
		if err == nil || attempt == 3 || s.opts.Port != 0 || !errors.Is(err, errPortTaken) {
			return err
		}
		s.mu.Lock()
		s.port = 0
		s.mu.Unlock()
	}
}

var errPortTaken = errors.New("its port is taken")

func (s *Server) launch(ctx context.Context) error {
	log, err := os.OpenFile(s.LogFile(), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("start Redis: %w", err)
	}
	defer log.Close()
	if err := s.spawn(log); err != nil {
		return fmt.Errorf("start Redis: %w", err)
	}
	ended := s.Done()
	for {
		err := s.greet(ctx)
		if err == nil {
			return nil
		}
		if said := s.logTail(); errors.Is(err, errPortTaken) || strings.Contains(said, "Address already in use") {
			return fmt.Errorf("start Redis: %w: %s", errPortTaken, said)
		}
		select {
		case <-ended:
			return fmt.Errorf("start Redis: it ended: %s", s.logTail())
		case <-ctx.Done():
			return fmt.Errorf("start Redis: not ready: %w: %s", err, s.logTail())
		case <-time.After(3 * time.Millisecond):
		}
	}
}

func (s *Server) spawn(log *os.File) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.port == 0 {
		port, err := child.Port()
		if err != nil {
			return err
		}
		s.port = port
	}
	args, err := s.args()
	if err != nil {
		return err
	}
	cmd := exec.Command(s.binary, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = s.opts.Dir, log, log
	if s.opts.Leave {
		left, err := child.Leave(cmd, syscall.SIGKILL, s.opts.Dir)
		if err != nil {
			return err
		}
		s.left, s.pid = left, left.Pid()
		return nil
	}
	death := syscall.SIGKILL
	if s.opts.Keep {
		death = syscall.SIGTERM // writes the data out
	}
	process, err := child.Start(cmd, death)
	if err != nil {
		return err
	}
	s.process, s.pid = process, process.Pid()
	return nil
}

// args is the command line. A Sentinel rewrites the file that it is given, so it gets it
// once.
func (s *Server) args() ([]string, error) {
	if s.opts.Sentinel == nil {
		return s.flags(), nil
	}
	file := filepath.Join(s.opts.Dir, "sentinel.conf")
	if _, err := os.Stat(file); errors.Is(err, os.ErrNotExist) {
		if err := os.WriteFile(file, []byte(strings.Join(s.opts.Sentinel, "\n")+"\n"), 0o600); err != nil {
			return nil, err
		}
	}
	return append([]string{file, "--sentinel"}, s.flags()...), nil
}

func (s *Server) flags() []string {
	settings := map[string]string{
		"bind": "127.0.0.1", "port": strconv.Itoa(s.port), "dir": s.opts.Dir, "daemonize": "no",
		"databases": "512", "save": "", "appendonly": "no",
	}
	if s.opts.Keep {
		settings["appendonly"] = "yes"
	}
	maps.Copy(settings, s.opts.Settings)
	var flags []string
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		flags = append(flags, "--"+name, settings[name])
	}
	return flags
}

// greet asks the server for its process id, to be sure that it is ours.
func (s *Server) greet(ctx context.Context) error {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", s.Addr())
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(2 * time.Second)); err != nil {
		return err
	}
	if _, err := conn.Write([]byte("PING\r\nINFO server\r\n")); err != nil {
		return err
	}
	lines := bufio.NewScanner(conn)
	for first := true; lines.Scan(); first = false {
		line := strings.TrimSpace(lines.Text())
		if first && line != "+PONG" {
			return fmt.Errorf("ping: %s", line) // -LOADING while it reads its data
		}
		if id, ok := strings.CutPrefix(line, "process_id:"); ok {
			if id != strconv.Itoa(s.Pid()) {
				return fmt.Errorf("%w: by process %s", errPortTaken, id)
			}
			return nil
		}
	}
	return fmt.Errorf("ping: connection ended: %w", lines.Err())
}

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
