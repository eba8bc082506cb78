// Command events receives facts from Pub/Sub push subscriptions and keeps what is
// made of them: one function per consumer, all of them in this binary. See
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
	err := run(ctx, os.Getenv, registerHTTP)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "events:", err)
		os.Exit(1)
	}
}

// register names a function to the functions framework.
type register func(name string, f http.HandlerFunc)

// registerHTTP is the framework's registration of HTTP functions. The framework's
// CloudEvent registration is not used: its handler stops answering after clients
// that timed out. A name can be registered once per process.
func registerHTTP(name string, f http.HandlerFunc) { functions.HTTP(name, f) }
