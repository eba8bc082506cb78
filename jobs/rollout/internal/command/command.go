// Package command is the command line of the rollout job.
package command

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"

	"github.com/vegascore/vegascore/jobs/rollout/internal/gate"
	"github.com/vegascore/vegascore/jobs/rollout/internal/probe"
	"github.com/vegascore/vegascore/shared/identity"
)

// Exit codes.
const (
	OK          = 0 // all traffic is on the new revisions, or was already
	Failed      = 1 // the old split is in force, or nothing was changed
	Usage       = 2 // command line or environment
	Refused     = 3 // another rollout is under way, or this build is not the newest
	NotRestored = 4 // an operator has to look: the split is neither old nor new
)

// Input is what a process is given.
type Input struct {
	Args    []string
	Environ []string
	Stdout  io.Writer
	Stderr  io.Writer
}

const usage = `usage: rollout [plan]

  (nothing)  roll the release out
  plan       say what would be done, and change nothing

The release is described by the environment: PROJECT_ID, REGION, COMMIT_SHA, BUILD_ID,
BUILD_CREATED, MIGRATE_IMAGE, SERVICE_IMAGES and others; see jobs/rollout/README.md.
`

// Run runs the command and returns its exit code. The plan goes to Stdout, the log to
// Stderr.
func Run(ctx context.Context, in Input) int {
	flags := flag.NewFlagSet("rollout", flag.ContinueOnError)
	flags.SetOutput(in.Stderr)
	flags.Usage = func() { fmt.Fprint(in.Stderr, usage) }
	if err := flags.Parse(in.Args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return OK
		}
		return Usage
	}
	if flags.NArg() > 1 || flags.NArg() == 1 && flags.Arg(0) != "plan" {
		flags.Usage()
		return Usage
	}
	c, err := readConfig(in.Environ)
	if err != nil {
		fmt.Fprintln(in.Stderr, "rollout:", err)
		return Usage
	}
	log := slog.New(slog.NewJSONHandler(in.Stderr, &slog.HandlerOptions{ReplaceAttr: cloudNames}))
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	if err := execute(ctx, c, flags.NArg() == 1, in.Stdout, log); err != nil {
		log.Error("rollout ended", "error", err)
		return code(err)
	}
	return OK
}

func execute(ctx context.Context, c config, plan bool, out io.Writer, log *slog.Logger) (err error) {
	api, closeAPI, err := connect(ctx, c.Endpoint)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeAPI()) }()
	judge := &probe.Prober{Client: &http.Client{}, Every: c.Every, Start: c.Start, Commit: c.Commit}
	if c.Identity == "token" {
		judge.Client.Transport = identity.New(http.DefaultTransport)
	}
	g := gate.New(api, c.release(), judge, log)
	if !plan {
		return g.Run(ctx)
	}
	p, err := g.Plan(ctx)
	if err != nil {
		return err
	}
	return writePlan(out, p)
}

// code chooses the exit code.
func code(err error) int {
	switch {
	case errors.Is(err, gate.ErrNotRestored):
		return NotRestored
	case errors.Is(err, gate.ErrBusy), errors.Is(err, gate.ErrStale):
		return Refused
	}
	return Failed
}

// cloudNames gives the fields of a log line the names that Cloud Logging reads.
func cloudNames(groups []string, a slog.Attr) slog.Attr {
	if len(groups) > 0 {
		return a
	}
	switch a.Key {
	case slog.LevelKey:
		a.Key = "severity"
		if a.Value.String() == "WARN" {
			a.Value = slog.StringValue("WARNING")
		}
	case slog.MessageKey:
		a.Key = "message"
	}
	return a
}
