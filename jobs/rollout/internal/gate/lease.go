package gate

import (
	"context"
	"errors"
	"fmt"

	"cloud.google.com/go/run/apiv2/runpb"
)

// lease makes this rollout the only one, and records what it may have to restore. A
// rollout that it finds dead is undone first; its own, from before it died, goes on.
// released says that there is nothing to do: this build has been released.
func (g *Gate) lease(ctx context.Context) (released bool, err error) {
	job, err := g.api.Jobs.GetJob(ctx, &runpb.GetJobRequest{Name: g.release.Job})
	if err != nil {
		return false, fmt.Errorf("read %s: %w", short(g.release.Job), err)
	}
	found, err := readRecord(job)
	if err != nil {
		return false, err
	}
	mine := found.Build == g.release.Build && found.Commit == g.release.Commit
	if done := found.Released; done != nil && found.Build == "" {
		if done.Commit == g.release.Commit && done.Created.Equal(g.release.Created) {
			g.log.Info("released already", "commit", done.Commit, "at", done.At)
			return true, nil
		}
		if !g.release.Created.After(done.Created) {
			return false, fmt.Errorf("%w: %s of %s is released", ErrStale, done.Commit, done.Created)
		}
	}
	if !mine && found.Build != "" && g.now().Before(found.Until) {
		return false, fmt.Errorf("%w: build %s of commit %s, until %s", ErrBusy, found.Build, found.Commit, found.Until)
	}
	next := Record{
		Build: g.release.Build, Commit: g.release.Commit, Created: g.release.Created.UTC(),
		Until: g.now().Add(g.release.Lease).UTC(), Phase: found.Phase, Old: found.Old, Released: found.Released,
	}
	dead := !mine && (found.Phase == Deploying || found.Phase == Shifting)
	if !mine && !dead {
		if next.Old, err = g.splits(ctx); err != nil {
			return false, err
		}
		next.Phase = Leased
	}
	if err := g.take(ctx, job, next); err != nil {
		return false, err
	}
	g.log.Info("lease taken", "build", g.release.Build, "until", g.record.Until, "resumed", mine)
	if dead {
		err = g.undo(ctx, found)
	}
	return false, err
}

// undo restores what a rollout that died had begun. Until that is done the record holds
// what the dead one had recorded.
func (g *Gate) undo(ctx context.Context, dead Record) error {
	g.log.Warn("undoing a rollout that died", "build", dead.Build, "commit", dead.Commit, "phase", string(dead.Phase))
	if err := g.restore(ctx, dead.Old); err != nil {
		return fmt.Errorf("%w: of build %s: %w", ErrNotRestored, dead.Build, err)
	}
	old, err := g.splits(ctx)
	if err != nil {
		return err
	}
	return g.write(ctx, func(r *Record) { r.Phase, r.Old = Leased, old })
}

// take writes the first record of this rollout. Who comes second is told that the first
// is under way.
func (g *Gate) take(ctx context.Context, job *runpb.Job, r Record) error {
	err := g.save(ctx, job, r)
	if errors.Is(err, ErrStale) {
		return fmt.Errorf("%w: it was faster: %w", ErrBusy, err)
	}
	return err
}

// splits are the traffic splits of all services, by revision.
func (g *Gate) splits(ctx context.Context) (map[string][]Share, error) {
	all := map[string][]Share{}
	for _, s := range g.release.Services {
		service, err := g.service(ctx, s.Name)
		if err != nil {
			return nil, err
		}
		all[s.Name] = split(service)
		if len(all[s.Name]) == 0 {
			return nil, fmt.Errorf("read %s: it has no revision that takes traffic", short(s.Name))
		}
	}
	return all, nil
}

func (g *Gate) service(ctx context.Context, name string) (*runpb.Service, error) {
	service, err := g.api.Services.GetService(ctx, &runpb.GetServiceRequest{Name: name})
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", short(name), err)
	}
	return service, nil
}
