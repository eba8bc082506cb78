package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/vegascore/vegascore/infra/dev/stack"
)

// endTime bounds the end of the stack: services take at most 8 s each.
const endTime = 30 * time.Second

// up runs the stack until ctx ends and returns nil after an end in order.
func up(ctx context.Context, args []string, getenv func(string) string, out io.Writer) error {
	if len(args) > 0 {
		return fmt.Errorf("up takes no arguments, got %q: everything is set by variables", args)
	}
	opts, err := stack.FromEnv(getenv)
	if err != nil {
		return err
	}
	opts.Progress, opts.Logs = out, out
	began := time.Now()
	fmt.Fprintln(out, "starting VegasCore")
	s, err := stack.Start(ctx, opts)
	if errors.Is(err, context.Canceled) && ctx.Err() != nil {
		fmt.Fprintln(out, "\nstopped before it was up")
		return nil
	}
	if err != nil {
		return err
	}
	s.Banner(time.Since(began))
	<-ctx.Done()
	fmt.Fprintln(out, "\nending (Ctrl-C again to end at once)")
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), endTime)
	defer cancel()
	if err := s.Stop(end); err != nil {
		return err
	}
	fmt.Fprintln(out, "ended; `make run` finds its data again")
	return nil
}
