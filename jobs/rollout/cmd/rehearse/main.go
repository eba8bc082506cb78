// Command rehearse runs the steps of cloudbuild.yaml offline, with a good and with two
// bad endings. `make rehearse` calls it.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/vegascore/vegascore/jobs/rollout/internal/rehearsal"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	err := run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "rehearse:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	for _, r := range rehearsal.All {
		fmt.Printf("\n== %s\n", r.Name)
		if err := r.Play(ctx, ".", os.Stdout); err != nil {
			return errors.Join(fmt.Errorf("%s: not as it must be", r.Name), err)
		}
	}
	fmt.Println("\nall rehearsals ended as they must")
	return nil
}
