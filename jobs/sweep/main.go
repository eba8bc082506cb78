// Command sweep looks whether the platform agrees with itself: the ledger, the
// services, the outbox. See README.md for its exit codes.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/vegascore/vegascore/jobs/sweep/internal/sweep"
)

func main() {
	os.Exit(run())
}

// run returns the exit code. SIGTERM and SIGINT end the checks under way.
func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	config, err := sweep.ReadConfig(os.Environ())
	if err != nil {
		fmt.Fprintln(os.Stderr, "sweep:", err)
		return sweep.Usage
	}
	result, err := sweep.Run(ctx, config, config.Telemetry.NewLogger(os.Stderr))
	if err != nil {
		fmt.Fprintln(os.Stderr, "sweep:", err)
		return sweep.Usage
	}
	if err := result.Write(os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "sweep:", err)
		return sweep.Failed
	}
	return result.Code()
}
