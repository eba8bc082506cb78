// Command actions is what players call over HTTP: guests, bets, seeds, rounds, the
// leaderboard. Each path is a function of its own, all of them in this binary. See
// README.md.
package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"syscall"

	"github.com/GoogleCloudPlatform/functions-framework-go/functions"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	err := run(ctx, os.Getenv, functions.HTTP)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "actions:", err)
		os.Exit(1)
	}
}

// register names a function to the functions framework, as functions.HTTP does. A
// name can be registered once per process.
type register func(name string, f func(http.ResponseWriter, *http.Request))
