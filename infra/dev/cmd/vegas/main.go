// Command vegas is the local platform: `vegas up` runs it, see `vegas help`.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// command is a subcommand. run returns when its work is done or ctx ends.
type command struct {
	name, help string
	run        func(ctx context.Context, args []string, getenv func(string) string, out io.Writer) error
}

var commands = []command{
	{"up", "run the whole platform until Ctrl-C (PORT, RESET, DATABASE_URL, DIRECT_URL, REDIS_URL, PUBSUB_EMULATOR_HOST, LOGS=all, LOG_FORMAT=json)", up},
	{"load", "drive players against a running platform and judge what they see (-help lists the flags)", loadPlayers},
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	// The first signal ends in order; with the handler gone, the second ends at once.
	context.AfterFunc(ctx, stop)
	err := run(ctx, os.Args[1:], os.Getenv, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "vegas:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, getenv func(string) string, out io.Writer) error {
	if len(args) > 0 {
		for _, c := range commands {
			if c.name == args[0] {
				return c.run(ctx, args[1:], getenv, out)
			}
		}
	}
	fmt.Fprintln(out, "usage: vegas COMMAND")
	for _, c := range commands {
		fmt.Fprintf(out, "  %-6s %s\n", c.name, c.help)
	}
	if len(args) == 0 || args[0] == "help" {
		return nil
	}
	return fmt.Errorf("no command %q", args[0])
}
