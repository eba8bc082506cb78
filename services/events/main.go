// Command events receives facts from Pub/Sub push subscriptions and keeps what is
// made of them: one function per consumer, all of them in this binary. "events rebuild"
// makes the leaderboards anew. See README.md.
package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"syscall"

	"github.com/GoogleCloudPlatform/functions-framework-go/functions"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	err := command(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "events:", err)
		os.Exit(1)
	}
}

// command serves, or does what its arguments say.
func command(ctx context.Context, args []string) error {
	switch {
	case len(args) == 0:
		return run(ctx, os.Getenv, registerHTTP)
	case len(args) == 1 && args[0] == "rebuild":
		return rebuild(ctx, os.Getenv, os.Stdout)
	}
	return errors.New("usage: events [rebuild]")
}

// register names a function to the functions framework.
type register func(name string, f http.HandlerFunc)

// registerHTTP is the framework's registration of HTTP functions. The framework's
// CloudEvent registration is not used: its handler stops answering after clients
// that timed out. A name can be registered once per process.
func registerHTTP(name string, f http.HandlerFunc) { functions.HTTP(name, f) }
