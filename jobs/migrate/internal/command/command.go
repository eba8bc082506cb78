// Package command is the command line of the migrate job.
package command

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"log/slog"

	"github.com/caarlos0/env/v11"

	"github.com/vegascore/vegascore/jobs/migrate/internal/record"
	"github.com/vegascore/vegascore/jobs/migrate/internal/runner"
	"github.com/vegascore/vegascore/jobs/migrate/internal/script"
)

// Exit codes.
const (
	OK      = 0
	Failed  = 1 // a statement, the connection or the caller's patience
	Usage   = 2 // command line or environment
	Refused = 3 // files, database and URL do not belong together; nothing was changed
	Waiting = 4 // another runner did not finish in time; nothing was changed
	Behind  = 5 // status only: migrations are to be applied
	Unsafe  = 6 // lint only: players or running code would suffer
)

// Input is what a process is given.
type Input struct {
	Args      []string
	Environ   []string
	Stdout    io.Writer
	Stderr    io.Writer
	Files     fs.FS
	Bootstrap string
}

const usage = `usage: migrate [-json] [up | status | plan | lint]

  up      apply what is missing (the default)
  status  say where the database stands; exit 5 when migrations are missing
  plan    say what up would do
  lint    run the files on a scratch database and say what would stop players or
          break the code of the release before; exit 6 when something would

DIRECT_URL is the database, not through a pooler. For lint it is an empty database
that is thrown away afterwards, and its user a superuser.
`

// Run runs one command and returns its exit code. The report goes to Stdout, the
// log to Stderr.
func Run(ctx context.Context, in Input) int {
	flags := flag.NewFlagSet("migrate", flag.ContinueOnError)
	flags.SetOutput(in.Stderr)
	flags.Usage = func() { fmt.Fprint(in.Stderr, usage) }
	asJSON := flags.Bool("json", false, "report as JSON")
	name, rest := "up", in.Args
	if len(rest) > 0 && rest[0] != "" && rest[0][0] != '-' {
		name, rest = rest[0], rest[1:]
	}
	if err := flags.Parse(rest); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return OK
		}
		return Usage
	}
	if flags.NArg() == 1 && len(rest) == len(in.Args) {
		name = flags.Arg(0)
	} else if flags.NArg() > 0 {
		flags.Usage()
		return Usage
	}
	set := env.ToMap(in.Environ)
	for key, value := range set {
		if value == "" { // counts as not set
			delete(set, key)
		}
	}
	config, err := env.ParseAsWithOptions[runner.Config](env.Options{Environment: set})
	if err == nil && config.URL == "" {
		err = errors.New("DIRECT_URL is not set")
	}
	if err != nil {
		fmt.Fprintln(in.Stderr, "migrate:", err)
		return Usage
	}
	logger := slog.New(slog.NewJSONHandler(in.Stderr, &slog.HandlerOptions{ReplaceAttr: cloudNames}))

	var out report
	var code int
	switch name {
	case "up":
		out, code = up(ctx, config, in, logger)
	case "lint":
		return check(ctx, config, in, *asJSON)
	case "status", "plan":
		out, code = look(ctx, name, config, in, logger)
	default:
		flags.Usage()
		return Usage
	}
	if *asJSON {
		encoder := json.NewEncoder(in.Stdout)
		encoder.SetIndent("", "  ")
		err = encoder.Encode(out)
	} else {
		err = out.text(in.Stdout)
	}
	if err != nil && code == OK {
		fmt.Fprintln(in.Stderr, "migrate: write the report:", err)
		return Failed
	}
	return code
}

func up(ctx context.Context, c runner.Config, in Input, logger *slog.Logger) (report, int) {
	plan, done, err := runner.Up(ctx, c, in.Files, in.Bootstrap, logger)
	out := newReport("up", plan)
	out.done(done)
	return out.fail(err)
}

func look(ctx context.Context, name string, c runner.Config, in Input, logger *slog.Logger) (report, int) {
	plan, err := runner.Look(ctx, c, in.Files, logger)
	if err == nil && name == "plan" {
		err = c.Allowed(plan)
	}
	out, code := newReport(name, plan).fail(err)
	if name == "status" && code == OK && plan.State == record.Pending {
		code = Behind
	}
	return out, code
}

// fail puts an error into the report and chooses the exit code.
func (r report) fail(err error) (report, int) {
	if err == nil {
		return r, OK
	}
	r.Error = err.Error()
	switch {
	case errors.Is(err, script.ErrInvalid), errors.Is(err, record.ErrRefused), errors.Is(err, runner.ErrPooled),
		errors.Is(err, runner.ErrCommit), errors.Is(err, runner.ErrContract):
		r.State = "refused"
		return r, Refused
	case errors.Is(err, runner.ErrLockWait):
		r.State = "waiting"
		return r, Waiting
	}
	r.State = "failed"
	return r, Failed
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
