// Command bench prints the platform's figures next to those of peers in the same
// run: see package bench. `make bench` calls it; ARGS="-short" is a quick look.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/vegascore/vegascore/infra/dev/bench"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// run measures and prints, figures to out and what happens meanwhile to progress.
func run(ctx context.Context, args []string, out, progress io.Writer) error {
	opts := bench.Options{Progress: progress}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(progress)
	flags.BoolVar(&opts.Short, "short", false, "a minute, for a look and not for figures")
	flags.BoolVar(&opts.Bets, "bets", false, "bets over HTTP next to pgbench (with none of these: all)")
	flags.BoolVar(&opts.Growth, "growth", false, "bets with a large ledger next to a small one")
	flags.Int64Var(&opts.Rows, "rows", 0, "ledger rows of the large one (200,000)")
	flags.BoolVar(&opts.Pooler, "pooler", false, "bets through PgBouncer next to those without")
	flags.BoolVar(&opts.Prune, "prune", false, "bets while old rows are removed")
	flags.Int64Var(&opts.Old, "old", 0, "old rows of each kind (50,000)")
	flags.Func("try", "one more way of -bets, may be repeated: as in production but for these `VARIABLES` of actions, NAME=VALUE, or settings of PostgreSQL, pg.NAME=VALUE", func(text string) error {
		opts.Try = append(opts.Try, text)
		return nil
	})
	flags.BoolVar(&opts.Starts, "starts", false, "exec to /ready")
	flags.BoolVar(&opts.Pool, "pool", false, "bets with a pool of one connection next to the chosen size")
	flags.BoolVar(&opts.Tracing, "tracing", false, "bets with no traces exported, one in a hundred, and all")
	flags.BoolVar(&opts.Probes, "probes", false, "/health while PostgreSQL and Redis hang")
	flags.BoolVar(&opts.Fanout, "fanout", false, "broadcasts next to socket.io")
	flags.BoolVar(&opts.Connections, "connections", false, "memory and CPU of idle connections next to socket.io")
	flags.StringVar(&opts.Profiles, "profiles", "", "folder for profiles of our servers in the bets and the broadcasts")
	asJSON := flags.Bool("json", false, "print JSON")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return nil
		}
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("bench takes flags alone, got %q", flags.Args())
	}
	result, err := bench.Run(ctx, opts)
	if err != nil {
		return err
	}
	if *asJSON {
		encoder := json.NewEncoder(out)
		encoder.SetIndent("", "  ")
		if err := encoder.Encode(result); err != nil {
			return fmt.Errorf("print the figures: %w", err)
		}
	} else {
		result.Write(out)
	}
	return result.Err()
}
