package gate

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"

	"cloud.google.com/go/run/apiv2/runpb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
)

// commitLabel of a revision template says which commit it runs.
const commitLabel = "vegascore-commit"

// target is a new revision of a service.
type target struct {
	service, revision, uri string
}

// ErrTakesTraffic says that a revision that was deployed at 0% is not at 0%.
var ErrTakesTraffic = errors.New("the new revision takes traffic already")

// deploy makes the new revision of a service, tagged and without traffic, and asserts
// that it has none. A revision that an earlier run of this rollout made is kept.
func (g *Gate) deploy(ctx context.Context, s Service) (target, error) {
	service, err := g.service(ctx, s.Name)
	if err != nil {
		return target{}, err
	}
	if !g.deployed(service, s) {
		if service, err = g.create(ctx, service, s); err != nil {
			return target{}, err
		}
	}
	revision := short(service.GetLatestCreatedRevision())
	if revision != short(service.GetLatestReadyRevision()) {
		return target{}, fmt.Errorf("revision %s is not ready: %s", revision, service.GetTerminalCondition().GetMessage())
	}
	// The tag moves from "the latest" to this revision: a later deploy must not take
	// it along.
	service, err = g.route(ctx, service, with(g.present(service), Share{Revision: revision, Tag: g.release.Tag()}))
	if err != nil {
		return target{}, err
	}
	for _, status := range service.GetTrafficStatuses() {
		if short(status.GetRevision()) == revision && status.GetTag() == g.release.Tag() {
			g.log.Info("deployed", "service", short(s.Name), "revision", revision, "uri", status.GetUri())
			return target{s.Name, revision, status.GetUri()}, g.assertIdle(service, revision)
		}
	}
	return target{}, fmt.Errorf("revision %s has no address of its own", revision)
}

// assertIdle is the proof before the smoke test: a revision that did not take traffic
// before the rollout takes none now, unless the canary of an earlier run of this rollout
// has begun.
func (g *Gate) assertIdle(service *runpb.Service, revision string) error {
	served := slices.ContainsFunc(g.record.Old[service.GetName()], func(s Share) bool { return s.Revision == revision && s.Percent > 0 })
	if percent := share(service, revision); percent > 0 && !served && g.record.Phase != Shifting {
		return fmt.Errorf("%w: %s has %d%%", ErrTakesTraffic, revision, percent)
	}
	return nil
}

// deployed reports whether the template is the release's already.
func (g *Gate) deployed(service *runpb.Service, s Service) bool {
	t := service.GetTemplate()
	return t.GetLabels()[commitLabel] == g.label() && len(t.GetContainers()) > 0 && t.GetContainers()[0].GetImage() == s.Image
}

// label is the commit in the form that labels may have.
func (g *Gate) label() string { return g.release.Commit[:min(63, len(g.release.Commit))] }

// create updates template and traffic in one call: at no moment does "the latest" mean
// the new revision for a player.
func (g *Gate) create(ctx context.Context, service *runpb.Service, s Service) (*runpb.Service, error) {
	t := service.GetTemplate()
	if len(t.GetContainers()) == 0 {
		return nil, errors.New("its template has no container")
	}
	t.Revision = "" // Cloud Run names it
	t.Containers[0].Image = s.Image
	if t.Labels == nil {
		t.Labels = map[string]string{}
	}
	t.Labels[commitLabel] = g.label()
	setEnv(t.Containers[0], "APP_VERSION", g.release.Commit)
	service.Traffic = append(targets(g.present(service)), &runpb.TrafficTarget{
		Type: runpb.TrafficTargetAllocationType_TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST, Tag: g.release.Tag(),
	})
	return g.update(ctx, service, "template", "traffic")
}

func setEnv(c *runpb.Container, name, text string) {
	value := &runpb.EnvVar_Value{Value: text}
	for _, v := range c.GetEnv() {
		if v.GetName() == name {
			v.Values = value
			return
		}
	}
	c.Env = append(c.Env, &runpb.EnvVar{Name: name, Values: value})
}

// update writes parts of a service with the etag with which it was read.
func (g *Gate) update(ctx context.Context, service *runpb.Service, paths ...string) (*runpb.Service, error) {
	op, err := g.api.Services.UpdateService(ctx, &runpb.UpdateServiceRequest{
		Service: service, UpdateMask: &fieldmaskpb.FieldMask{Paths: paths},
	})
	if err == nil {
		service, err = op.Wait(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("write: %w", stale(err))
	}
	return service, nil
}

// short is the last part of a resource's name.
func short(name string) string { return path.Base(name) }
