package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/vegascore/vegascore/infra/dev/load"
)

// loadPlayers drives players against a platform and fails if that lost, repeated or
// mixed up events, or money.
func loadPlayers(ctx context.Context, args []string, _ func(string) string, out io.Writer) error {
	var opts load.Options
	var seconds float64
	var metrics, state string
	flags := flag.NewFlagSet("vegas load", flag.ContinueOnError)
	flags.SetOutput(out)
	flags.StringVar(&opts.URL, "url", "http://localhost:8080", "the front door")
	flags.IntVar(&opts.Players, "players", 50, "players, each with a socket")
	flags.IntVar(&opts.Tables, "tables", 1, "dice tables to spread them over")
	flags.Float64Var(&seconds, "seconds", 20, "how long to bet")
	flags.Float64Var(&opts.Rate, "rate", 1, "bets per second of each player; 0 as fast as answers come")
	flags.Int64Var(&opts.MaxBets, "bets", 1_000_000, "most bets of all players together")
	flags.Int64Var(&opts.Stake, "stake", 100, "in minor units")
	flags.DurationVar(&opts.Grace, "grace", 5*time.Second, "how long to wait for the last events")
	flags.BoolVar(&opts.AllowRemote, "allow-remote", false, "drive a platform that is not on this machine")
	flags.StringVar(&metrics, "metrics", "", "comma separated /metrics addresses of realtime containers (default: the local stack's)")
	flags.StringVar(&state, "state", ".run", "state folder of the local stack")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return nil
		}
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("load takes flags alone, got %q", flags.Args())
	}
	opts.Time = time.Duration(seconds * float64(time.Second))
	opts.Out = out
	if metrics != "" {
		opts.Metrics = strings.Split(metrics, ",")
	} else {
		opts.Metrics = load.LocalMetrics(state, opts.URL)
	}
	report, err := load.Run(ctx, opts)
	if err != nil {
		return err
	}
	report.Write(out)
	return report.Err()
}
