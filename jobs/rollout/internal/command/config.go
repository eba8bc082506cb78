package command

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/caarlos0/env/v11"

	"github.com/vegascore/vegascore/jobs/rollout/internal/gate"
)

// config is the whole of what the environment decides. README.md lists it.
type config struct {
	Project  string        `env:"PROJECT_ID,notEmpty"`
	Region   string        `env:"REGION,notEmpty"`
	Commit   string        `env:"COMMIT_SHA,notEmpty"`
	Build    string        `env:"BUILD_ID,notEmpty"`
	Created  time.Time     `env:"BUILD_CREATED,notEmpty"` // RFC 3339
	Job      string        `env:"MIGRATE_JOB" envDefault:"migrate"`
	JobImage string        `env:"MIGRATE_IMAGE,notEmpty"`
	Services []string      `env:"SERVICE_IMAGES,notEmpty"` // name=image, in the order of the deploy
	Steps    []int32       `env:"CANARY_STEPS" envDefault:"10,50,100"`
	Soak     time.Duration `env:"CANARY_SOAK" envDefault:"60s"`
	Every    time.Duration `env:"PROBE_EVERY" envDefault:"5s"`
	Start    time.Duration `env:"START_TIME" envDefault:"60s"`
	Lease    time.Duration `env:"LEASE" envDefault:"1h"`
	Timeout  time.Duration `env:"TIMEOUT" envDefault:"55m"`
	// Audience tokens go with the probes unless it is "none": for services that only
	// named accounts may call.
	Identity string `env:"PROBE_IDENTITY" envDefault:"token"`
	// Endpoint is another address of the Admin API, spoken to without TLS and
	// credentials: for rehearsals.
	Endpoint string `env:"RUN_ENDPOINT"`
}

var (
	commitForm = regexp.MustCompile(`^[0-9a-f]{7,64}$`)
	// An image is named by its digest: a tag can be moved between the test and the
	// rollout.
	imageForm = regexp.MustCompile(`^[^\s@]+@sha256:[0-9a-f]{64}$`)
	nameForm  = regexp.MustCompile(`^[a-z][a-z0-9-]{0,62}$`)
)

// readConfig reads the variables and checks all of them.
func readConfig(environ []string) (config, error) {
	c, err := env.ParseAsWithOptions[config](env.Options{Environment: env.ToMap(environ)})
	if err != nil {
		return c, fmt.Errorf("read configuration: %w", err)
	}
	var errs []error
	bad := func(name, value, want string) {
		errs = append(errs, fmt.Errorf("%s is %q, want %s", name, value, want))
	}
	if !commitForm.MatchString(c.Commit) {
		bad("COMMIT_SHA", c.Commit, "a hash")
	}
	if !imageForm.MatchString(c.JobImage) {
		bad("MIGRATE_IMAGE", c.JobImage, "image@sha256:digest")
	}
	for _, s := range c.Services {
		name, image, _ := strings.Cut(s, "=")
		if !nameForm.MatchString(name) || !imageForm.MatchString(image) {
			bad("SERVICE_IMAGES", s, "name=image@sha256:digest")
		}
	}
	last := int32(0)
	for _, step := range c.Steps {
		if step <= last || step > 100 {
			bad("CANARY_STEPS", fmt.Sprint(c.Steps), "ascending percentages")
			break
		}
		last = step
	}
	if c.Identity != "token" && c.Identity != "none" {
		bad("PROBE_IDENTITY", c.Identity, "token or none")
	}
	if c.Lease <= c.Timeout {
		bad("LEASE", c.Lease.String(), "more than TIMEOUT: no other rollout may begin while this one runs")
	}
	return c, errors.Join(errs...)
}

// release is what the gate is told.
func (c config) release() gate.Release {
	place := "projects/" + c.Project + "/locations/" + c.Region
	r := gate.Release{
		Build: c.Build, Commit: c.Commit, Created: c.Created,
		Job: place + "/jobs/" + c.Job, JobImage: c.JobImage,
		Steps: c.Steps, Soak: c.Soak, Lease: c.Lease,
	}
	for _, s := range c.Services {
		name, image, _ := strings.Cut(s, "=")
		r.Services = append(r.Services, gate.Service{Name: place + "/services/" + name, Image: image})
	}
	return r
}
