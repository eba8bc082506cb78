// Command dashboard draws infra/dashboards/vegascore.json over a running Prometheus:
//
//	go run ./infra/dev/cmd/dashboard -prometheus http://127.0.0.1:9090 > infra/dashboards/vegascore.svg
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/vegascore/vegascore/infra/dev/dashboard"
)

func main() {
	if err := run(context.Background(), os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "dashboard:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("dashboard", flag.ContinueOnError)
	file := flags.String("dashboard", "infra/dashboards/vegascore.json", "the dashboard")
	address := flags.String("prometheus", "http://127.0.0.1:9090", "where to ask")
	back := flags.Duration("last", 10*time.Minute, "how far to look back")
	if err := flags.Parse(args); err != nil {
		return fmt.Errorf("read flags: %w", err)
	}
	text, err := os.ReadFile(*file)
	if err != nil {
		return fmt.Errorf("read the dashboard: %w", err)
	}
	board, err := dashboard.Read(text)
	if err != nil {
		return err
	}
	now := time.Now()
	return dashboard.Draw(ctx, out, board, dashboard.Source{URL: *address, From: now.Add(-*back), To: now})
}
