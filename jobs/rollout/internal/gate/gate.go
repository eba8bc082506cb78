// Package gate brings a release to players: one database migration and several
// services, of which none takes traffic before the migration has succeeded and all of
// them are ready.
//
// The order is: lease, migrate, deploy every service at 0%, assert that it is at 0%,
// smoke test the tagged addresses, then a canary in steps with the health judged at
// each, then all traffic, then the lease is given back. Any failure after the deploy
// restores the recorded split.
//
// What a rollout must remember is in an annotation of the migration job (see Record):
// the services themselves are not written to before the migration has succeeded. Every
// write carries the etag of what was read, so of two rollouts one fails at the first
// write that they both try. A run that died is taken up by the next one, whichever call
// was its last.
package gate

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	run "cloud.google.com/go/run/apiv2"
)

// Errors of a rollout, for the exit code. Each is wrapped with what happened.
var (
	// ErrBusy says that another build holds the lease. Nothing was changed.
	ErrBusy = errors.New("another rollout is under way")
	// ErrStale says that a newer build was released, or changed what this one had
	// read. What this one had changed is restored.
	ErrStale = errors.New("this build is not the newest any more")
	// ErrMigration says that the migration failed. No service was touched.
	ErrMigration = errors.New("the migration failed")
	// ErrUnhealthy says that the new revision was judged unfit. The old split is back.
	ErrUnhealthy = errors.New("the new revision is not healthy")
	// ErrNotRestored says that the old split could not be brought back: an operator
	// has to look. It is wrapped together with the first error.
	ErrNotRestored = errors.New("the old traffic split is not restored")
)

// Service is one service of a release.
type Service struct {
	Name  string // projects/P/locations/L/services/S
	Image string // with its digest
}

// Release is what is to be rolled out.
type Release struct {
	Build    string    // unique id of the build, the owner of the lease
	Commit   string    // full hash; the first characters are the tag of the revisions
	Created  time.Time // of the build: an older one never replaces a newer one
	Job      string    // the migration job: projects/P/locations/L/jobs/J
	JobImage string    // with its digest
	Services []Service // in the order in which they are deployed and shifted
	Steps    []int32   // canary percentages, ascending; 100 is added when it is not the last
	Soak     time.Duration
	Lease    time.Duration // how long a silent rollout keeps others out
}

// Judge decides over a new revision.
type Judge interface {
	// Smoke tests a revision that takes no traffic yet, at its tagged address.
	Smoke(ctx context.Context, service, uri string) error
	// Watch judges the health of a revision that takes traffic, for as long as soak.
	Watch(ctx context.Context, service, uri string, soak time.Duration) error
}

// API are the clients of Cloud Run's Admin API.
type API struct {
	Services *run.ServicesClient
	Jobs     *run.JobsClient
}

// Gate rolls one release out. Use it once.
type Gate struct {
	api     API
	release Release
	judge   Judge
	log     *slog.Logger
	now     func() time.Time

	record Record // as last written
	etag   string // of the job that holds it
}

// New returns a gate.
func New(api API, release Release, judge Judge, log *slog.Logger) *Gate {
	if n := len(release.Steps); n == 0 || release.Steps[n-1] != 100 {
		release.Steps = append(append([]int32(nil), release.Steps...), 100)
	}
	return &Gate{api: api, release: release, judge: judge, log: log, now: time.Now}
}

// Tag is the traffic tag of the release's revisions.
func (r Release) Tag() string { return "c-" + r.Commit[:min(8, len(r.Commit))] }

// restoreTime bounds a restore, which also happens when the rollout's time is over.
const restoreTime = 5 * time.Minute

// Run rolls out and returns nil once all traffic is on the new revisions.
func (g *Gate) Run(ctx context.Context) error {
	released, err := g.lease(ctx)
	if released || err != nil {
		return err
	}
	if err := g.migrate(ctx); err != nil {
		return errors.Join(err, g.giveUp(ctx, false))
	}
	if err = g.shift(ctx); err == nil {
		return nil
	}
	g.log.Error("rollout failed, restoring", "error", err)
	return errors.Join(err, g.giveUp(ctx, true))
}

// shift is everything that touches services.
func (g *Gate) shift(ctx context.Context) error {
	if err := g.write(ctx, func(r *Record) {
		if r.Phase != Shifting {
			r.Phase = Deploying
		}
	}); err != nil {
		return err
	}
	fresh := make([]target, len(g.release.Services))
	for i, s := range g.release.Services {
		var err error
		if fresh[i], err = g.deploy(ctx, s); err != nil {
			return fmt.Errorf("deploy %s: %w", short(s.Name), err)
		}
	}
	for _, t := range fresh {
		if err := g.judge.Smoke(ctx, short(t.service), t.uri); err != nil {
			return fmt.Errorf("%w: smoke test of %s: %w", ErrUnhealthy, short(t.service), err)
		}
		g.log.Info("smoke test passed", "service", short(t.service), "revision", t.revision)
	}
	if err := g.canary(ctx, fresh); err != nil {
		return err
	}
	return g.finish(ctx, fresh)
}

// giveUp restores the recorded split when services were touched, and gives the lease
// back. It runs although ctx may have ended.
func (g *Gate) giveUp(ctx context.Context, touched bool) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), restoreTime)
	defer cancel()
	if _, err := g.job(ctx); errors.Is(err, ErrStale) {
		return nil // who has the lease now has undone this rollout, or will
	}
	if touched {
		if err := g.restore(ctx, g.record.Old); err != nil {
			return fmt.Errorf("%w: %w", ErrNotRestored, err)
		}
	}
	return g.write(ctx, func(r *Record) { r.free() })
}
