// Command sweep looks whether the platform agrees with itself: the ledger, the
// services, the outbox, the rounds. "sweep" does so once; "sweep serve" waits for the
// scheduler and shows the console. See README.md for its exit codes.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/vegascore/vegascore/jobs/sweep/internal/server"
	"github.com/vegascore/vegascore/jobs/sweep/internal/sweep"
	"github.com/vegascore/vegascore/shared/telemetry"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	code := run(ctx, os.Args[1:], os.Environ(), os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run returns the exit code. The end of ctx ends the checks under way.
func run(ctx context.Context, args, environ []string, out, log io.Writer) int {
	fail := func(code int, err error) int {
		fmt.Fprintln(log, "sweep:", err)
		return code
	}
	switch {
	case len(args) == 0:
	case len(args) == 1 && args[0] == "serve":
		config, err := server.ReadConfig(environ)
		if err != nil {
			return fail(sweep.Usage, err)
		}
		if err := server.Run(ctx, config, log); err != nil {
			return fail(sweep.Failed, err)
		}
		return sweep.OK
	default:
		return fail(sweep.Usage, fmt.Errorf("usage: sweep [serve]"))
	}
	config, err := sweep.ReadConfig(environ)
	if err != nil {
		return fail(sweep.Usage, err)
	}
	result, err := sweep.Run(ctx, config, config.Telemetry.NewLogger(log))
	if err != nil {
		return fail(sweep.Usage, err)
	}
	if err := result.Write(out); err != nil {
		return fail(sweep.Failed, err)
	}
	metrics := telemetry.NewMetrics()
	sweep.NewMetrics(metrics.Registry).Observe(result)
	last, end := context.WithCancel(ctx)
	end() // once, and now
	metrics.Export(last, config.Telemetry)
	if config.MetricsFile != "" {
		registry := prometheus.NewRegistry() // without those of the process, which ends
		sweep.NewMetrics(registry).Observe(result)
		if err := prometheus.WriteToTextfile(config.MetricsFile, registry); err != nil {
			return fail(sweep.Failed, fmt.Errorf("write the figures: %w", err))
		}
	}
	return result.Code()
}
