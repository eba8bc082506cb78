package gate

import (
	"context"
	"fmt"
	"strings"

	"cloud.google.com/go/run/apiv2/runpb"
)

// Plan is what Run would do.
type Plan struct {
	Steps     []Step
	Obstacles []string // why it would not begin
}

// Step is one of a plan.
type Step struct{ What, How string }

// Plan reads what there is and changes nothing.
func (g *Gate) Plan(ctx context.Context) (Plan, error) {
	var p Plan
	job, err := g.api.Jobs.GetJob(ctx, &runpb.GetJobRequest{Name: g.release.Job})
	if err != nil {
		return p, fmt.Errorf("read %s: %w", short(g.release.Job), err)
	}
	found, err := readRecord(job)
	if err != nil {
		return p, err
	}
	if found.Build != "" && found.Build != g.release.Build && g.now().Before(found.Until) {
		p.Obstacles = append(p.Obstacles, fmt.Sprintf("build %s holds the lease until %s", found.Build, found.Until))
	}
	if done := found.Released; done != nil && !g.release.Created.After(done.Created) {
		p.Obstacles = append(p.Obstacles, fmt.Sprintf("%s of %s is released", done.Commit, done.Created))
	}
	add := func(what, how string, args ...any) {
		p.Steps = append(p.Steps, Step{what, fmt.Sprintf(how, args...)})
	}
	add("lease", "for %s, on %s", g.release.Lease, short(g.release.Job))
	if found.Phase == Deploying || found.Phase == Shifting {
		add("undo", "restore what build %s left", found.Build)
	}
	add("migrate", "run %s with %s", short(g.release.Job), g.release.JobImage)
	for _, s := range g.release.Services {
		service, err := g.service(ctx, s.Name)
		if err != nil {
			return p, err
		}
		var now []string
		for _, share := range split(service) {
			if share.Percent > 0 {
				now = append(now, fmt.Sprintf("%s %d%%", share.Revision, share.Percent))
			}
		}
		how := "new revision at 0%, tag " + g.release.Tag()
		if g.deployed(service, s) {
			how = "is there"
		}
		add("deploy "+short(s.Name), "%s: %s; now %s", s.Image, how, strings.Join(now, ", "))
	}
	add("smoke test", "/ready and /health of every new revision")
	for _, percent := range g.release.Steps {
		add(fmt.Sprintf("%d%%", percent), "of every service, judged for %s", g.release.Soak)
	}
	add("finish", "remove the tags, give the lease back")
	return p, nil
}
