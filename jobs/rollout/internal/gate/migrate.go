package gate

import (
	"context"
	"fmt"
	"time"

	"cloud.google.com/go/run/apiv2/runpb"
)

// migrate runs the job with the release's image and waits for its end. It may run again
// after a crash: the job itself applies nothing twice.
//
// The etag ties the execution to the image that was just set: another build that swaps
// it in between makes RunJob fail. The binary looks at EXPECT_COMMIT besides.
func (g *Gate) migrate(ctx context.Context) error {
	job, err := g.job(ctx)
	if err != nil {
		return err
	}
	containers := job.GetTemplate().GetTemplate().GetContainers()
	if len(containers) != 1 {
		return fmt.Errorf("read %s: it has %d containers, want 1", short(g.release.Job), len(containers))
	}
	containers[0].Image = g.release.JobImage
	next := g.record
	next.Until = g.now().Add(g.release.Lease).UTC()
	if err := g.save(ctx, job, next); err != nil {
		return err
	}
	g.log.Info("migrating", "image", g.release.JobImage)
	op, err := g.api.Jobs.RunJob(ctx, &runpb.RunJobRequest{
		Name: g.release.Job, Etag: g.etag,
		Overrides: &runpb.RunJobRequest_Overrides{ContainerOverrides: []*runpb.RunJobRequest_Overrides_ContainerOverride{{
			Name: containers[0].GetName(), Env: g.environment(),
		}}},
	})
	if err != nil {
		return fmt.Errorf("%w: start it: %w", ErrMigration, stale(err))
	}
	execution, err := op.Wait(ctx)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrMigration, err)
	}
	if execution.GetFailedCount() > 0 || execution.GetCancelledCount() > 0 || execution.GetSucceededCount() < execution.GetTaskCount() {
		return fmt.Errorf("%w: %d of %d tasks succeeded, log at %s", ErrMigration, execution.GetSucceededCount(), execution.GetTaskCount(), execution.GetLogUri())
	}
	g.log.Info("migrated", "execution", short(execution.GetName()))
	return nil
}

// environment tells the job for which commit it runs, and since when no revision before
// the present one has had traffic, which is what contract migrations wait for. That is not
// known when the traffic is not where the newest release had put it: somebody went back
// to older code by hand.
func (g *Gate) environment() []*runpb.EnvVar {
	value := func(name, text string) *runpb.EnvVar {
		return &runpb.EnvVar{Name: name, Values: &runpb.EnvVar_Value{Value: text}}
	}
	vars := []*runpb.EnvVar{value("EXPECT_COMMIT", g.release.Commit)}
	since := ""
	if done := g.record.Released; done != nil && done.serves(g.record.Old) {
		since = done.At.UTC().Format(time.RFC3339)
	}
	return append(vars, value("OLD_CODE_GONE_SINCE", since))
}

// serves reports whether a split is that which the release left behind.
func (r Released) serves(present map[string][]Share) bool {
	for service, shares := range present {
		for _, s := range shares {
			if s.Percent > 0 && s.Revision != r.Revisions[service] {
				return false
			}
		}
	}
	return len(present) > 0
}
