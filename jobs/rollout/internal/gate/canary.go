package gate

import (
	"context"
	"fmt"
	"sync"

	"cloud.google.com/go/run/apiv2/runpb"
)

// canary shifts traffic in steps. After each the new revisions are judged, all services
// at the same time. Steps that an earlier run of this rollout had reached are judged
// again and not taken back.
func (g *Gate) canary(ctx context.Context, fresh []target) error {
	if err := g.write(ctx, func(r *Record) { r.Phase = Shifting }); err != nil {
		return err
	}
	for _, percent := range g.release.Steps {
		for _, t := range fresh {
			if err := g.raise(ctx, t, percent); err != nil {
				return fmt.Errorf("shift %s to %d%%: %w", short(t.service), percent, err)
			}
		}
		if err := g.watch(ctx, fresh); err != nil {
			return fmt.Errorf("%w at %d%%: %w", ErrUnhealthy, percent, err)
		}
		g.log.Info("canary step passed", "percent", percent)
		if err := g.write(ctx, func(*Record) {}); err != nil { // renews the lease
			return err
		}
	}
	return nil
}

// raise gives a new revision at least a percentage.
func (g *Gate) raise(ctx context.Context, t target, percent int32) error {
	service, err := g.service(ctx, t.service)
	if err != nil {
		return err
	}
	if share(service, t.revision) >= percent {
		return nil
	}
	_, err = g.route(ctx, service, divide(g.record.Old[t.service], t.revision, g.release.Tag(), percent))
	return err
}

// share is the percentage that a revision has.
func share(service *runpb.Service, revision string) (percent int32) {
	for _, s := range split(service) {
		if s.Revision == revision {
			percent += s.Percent
		}
	}
	return percent
}

// watch judges all new revisions; the first verdict against one ends it.
func (g *Gate) watch(ctx context.Context, fresh []target) error {
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	var wg sync.WaitGroup
	for _, t := range fresh {
		wg.Go(func() { // bounded by the soak
			if err := g.judge.Watch(ctx, short(t.service), t.uri, g.release.Soak); err != nil {
				end(fmt.Errorf("%s: %w", short(t.service), err))
			}
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}

// finish removes the tags and gives the lease back.
func (g *Gate) finish(ctx context.Context, fresh []target) error {
	for _, t := range fresh {
		service, err := g.service(ctx, t.service)
		if err == nil {
			_, err = g.route(ctx, service, []Share{{Revision: t.revision, Percent: 100}})
		}
		if err != nil {
			return fmt.Errorf("finish %s: %w", short(t.service), err)
		}
	}
	revisions := map[string]string{}
	for _, t := range fresh {
		revisions[t.service] = t.revision
	}
	if err := g.write(ctx, func(r *Record) {
		r.Released = &Released{Commit: g.release.Commit, Created: g.release.Created.UTC(), At: g.now().UTC(), Revisions: revisions}
		r.free()
	}); err != nil {
		return err
	}
	g.log.Info("released", "commit", g.release.Commit)
	return nil
}
