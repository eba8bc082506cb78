// Command rollout is the gate of every release: migration first, then new revisions at
// 0%, then traffic in steps, or the old split back. See README.md.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/vegascore/vegascore/jobs/rollout/internal/command"
)

func main() {
	os.Exit(run())
}

// run returns the exit code. SIGTERM and SIGINT end the rollout in order: what it has
// changed is restored.
func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	return command.Run(ctx, command.Input{Args: os.Args[1:], Environ: os.Environ(), Stdout: os.Stdout, Stderr: os.Stderr})
}
