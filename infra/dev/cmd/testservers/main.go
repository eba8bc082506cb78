// Command testservers runs a command with one PostgreSQL that all its tests share:
//
//	testservers go test -race work
//
// The server is real and private, listens on a random port and goes away with the
// command. It spares every test binary a server of its own. Tests start their Redis
// themselves, one per test, because channels belong to a whole server. A
// TEST_DATABASE_URL that is set already is used as it is.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"

	"github.com/vegascore/vegascore/shared/child"
	"github.com/vegascore/vegascore/shared/localpg"
	"github.com/vegascore/vegascore/shared/localredis"
)

// variable is what pgtest looks at.
const variable = "TEST_DATABASE_URL"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	code, err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "testservers:", err)
		os.Exit(1)
	}
	os.Exit(code)
}

// run returns the exit code of the command.
func run(ctx context.Context, args []string) (code int, err error) {
	if len(args) == 0 {
		return 0, errors.New("usage: testservers COMMAND [ARGUMENT...]")
	}
	if !localredis.Installed() {
		return 0, localredis.ErrNoBinary
	}
	env := os.Environ()
	if os.Getenv(variable) == "" {
		address, end, err := start(ctx)
		if err != nil {
			return 0, err
		}
		defer func() { err = errors.Join(err, end()) }()
		env = append(env, variable+"="+address)
	}
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env, cmd.Stdout, cmd.Stderr = env, os.Stdout, os.Stderr
	p, err := child.Start(cmd, syscall.SIGTERM)
	if err != nil {
		return 0, err
	}
	select {
	case <-p.Done():
	case <-ctx.Done():
		// The whole group: the go command leaves its test binaries to the terminal.
		if err := syscall.Kill(-p.Pid(), syscall.SIGINT); err != nil && !errors.Is(err, syscall.ESRCH) {
			return 0, fmt.Errorf("stop %s: %w", args[0], err)
		}
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		if err := p.Stop(grace, syscall.SIGINT); err != nil {
			return 0, err
		}
	}
	var exit *exec.ExitError
	if err := p.Err(); errors.As(err, &exit) && exit.ExitCode() > 0 {
		return exit.ExitCode(), nil
	} else if err != nil {
		return 0, fmt.Errorf("run %s: %w", args[0], err)
	}
	return 0, nil
}

// start runs a server without fsync in a temporary folder. end stops it and removes
// the folder.
func start(ctx context.Context) (address string, end func() error, err error) {
	dir, err := os.MkdirTemp("", "vegas-testservers-")
	if err != nil {
		return "", nil, fmt.Errorf("make a folder for PostgreSQL: %w", err)
	}
	server, err := localpg.Start(ctx, localpg.Options{
		Dir: dir, NoSync: true, Trust: true, Leave: true,
		Settings: map[string]string{"max_connections": "500", "shared_buffers": "64MB"},
	})
	if err != nil {
		return "", nil, errors.Join(err, os.RemoveAll(dir))
	}
	return server.URL("postgres"), func() error { return server.Stop(context.WithoutCancel(ctx)) }, nil
}
