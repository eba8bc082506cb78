package command

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/vegascore/vegascore/jobs/migrate/internal/record"
	"github.com/vegascore/vegascore/jobs/migrate/internal/runner"
	"github.com/vegascore/vegascore/jobs/migrate/internal/script"
)

// report is what a command found or did; its JSON form is read by the rollout.
type report struct {
	Command string `json:"command"`
	// State is that of the database when the command ended: current, pending or
	// ahead, or else refused, waiting or failed.
	State string `json:"state"`
	// Version is the last finished migration.
	Version int `json:"version"`
	// MinCode is the oldest code that the schema serves, as the newest migration that
	// it was built with.
	MinCode    int         `json:"min_code_version"`
	Migrations []migration `json:"migrations"`
	Error      string      `json:"error,omitempty"`
}

type migration struct {
	Version int    `json:"version"`
	Name    string `json:"name"`
	Phase   string `json:"phase"`
	// State is applied, pending, unfinished (an earlier run began it), newer (not
	// in this release), or done (applied by this run).
	State    string     `json:"state"`
	Tx       *bool      `json:"tx,omitempty"` // known of those in this release
	Finished *time.Time `json:"finished_at,omitempty"`
	TookMS   int64      `json:"took_ms,omitempty"`
	Retries  int        `json:"retries,omitempty"`
}

func newReport(command string, plan record.Plan) report {
	r := report{Command: command, State: string(plan.State), Version: plan.Version(), MinCode: plan.MinCode, Migrations: []migration{}}
	recorded := func(row record.Row, state string) {
		r.Migrations = append(r.Migrations, migration{Version: row.Version, Name: row.Name, Phase: row.Phase, State: state, Finished: row.Finished})
	}
	if command != "plan" { // which lists what is to come
		for _, row := range plan.Applied {
			recorded(row, "applied")
		}
	}
	for _, s := range plan.Pending {
		m := of(s, "pending")
		if s.Version == plan.Unfinished {
			m.State = "unfinished"
		}
		r.Migrations = append(r.Migrations, m)
	}
	for _, row := range plan.Newer {
		recorded(row, "newer")
	}
	return r
}

func of(s script.Script, state string) migration {
	tx := s.Tx
	return migration{Version: s.Version, Name: s.Name, Phase: string(s.Phase), State: state, Tx: &tx}
}

// done marks what a run applied.
func (r *report) done(all []runner.Done) {
	for _, d := range all {
		for i := range r.Migrations {
			if r.Migrations[i].Version == d.Script.Version {
				m := of(d.Script, "done")
				m.TookMS, m.Retries = d.Took.Milliseconds(), d.Retries
				r.Migrations[i] = m
			}
		}
		r.Version = d.Script.Version
		r.MinCode = max(r.MinCode, d.Script.Code)
	}
	if n := len(r.Migrations); n > 0 && r.State == string(record.Pending) && r.Migrations[n-1].State == "done" {
		r.State = string(record.Current)
	}
}

// text writes the report for people.
func (r report) text(w io.Writer) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, m := range r.Migrations {
		note := ""
		switch {
		case m.State == "done":
			note = fmt.Sprintf("in %d ms", m.TookMS)
			if m.Retries > 0 {
				note += fmt.Sprintf(", after %d retries", m.Retries)
			}
		case m.Finished != nil:
			note = m.Finished.UTC().Format(time.RFC3339)
		case m.Tx != nil && !*m.Tx:
			note = "outside a transaction"
		}
		fmt.Fprintf(table, "%04d\t%s\t%s\t%s\t%s\n", m.Version, m.Name, m.Phase, m.State, note)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	last := map[string]string{
		"current": "the database is current",
		"pending": "migrations are to be applied",
		"ahead":   "the database is ahead of this release: nothing to do",
		"refused": "refused, nothing was changed",
		"waiting": "gave up waiting, nothing was changed",
		"failed":  "failed",
	}[r.State]
	if r.Error != "" {
		last += ": " + r.Error
	}
	if r.Version > 0 {
		last = fmt.Sprintf("at version %04d: %s", r.Version, last)
	}
	if r.MinCode > 0 {
		last += fmt.Sprintf("; the schema serves code from %04d on", r.MinCode)
	}
	_, err := fmt.Fprintln(w, last)
	return err
}
