// Command migrate brings the database's schema to the release that it was built
// from. See README.md for its exit codes.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/vegascore/vegascore/jobs/migrate/internal/command"
	"github.com/vegascore/vegascore/migrations"
)

func main() {
	os.Exit(run())
}

// run returns the exit code. SIGTERM and SIGINT end the statement under way, which
// the server rolls back.
func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	return command.Run(ctx, command.Input{
		Args: os.Args[1:], Environ: os.Environ(), Stdout: os.Stdout, Stderr: os.Stderr,
		Files: migrations.Files, Bootstrap: migrations.Bootstrap,
	})
}
