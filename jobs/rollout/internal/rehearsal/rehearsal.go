package rehearsal

import (
	"context"
	"fmt"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"cloud.google.com/go/cloudbuild/apiv1/v2/cloudbuildpb"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/vegascore/vegascore/jobs/rollout/internal/fakerun"
)

const (
	projectID = "rehearsal"
	commit    = "0123456789abcdef0123456789abcdef01234567"
	oldImage  = "before"
)

var serviceNames = []string{"events", "actions", "realtime"}

// Stage is a project with three services that run an old release, a migration job, and
// a registry. Close it.
type Stage struct {
	Root string // of the repository
	// Migration says whether the migration succeeds; Healthy whether new revisions are.
	Migration, Healthy bool
	// Test is what the first step runs.
	Test string
	// Out receives what the steps say.
	Out io.Writer

	api      *fakerun.Server
	registry *httptest.Server
	revision *httptest.Server
	folder   string
}

// Open builds a stage for the repository at root, on which everything is fine.
func Open(root string, out io.Writer) (*Stage, error) {
	root, err := filepath.Abs(root) // the steps change folders
	if err != nil {
		return nil, fmt.Errorf("find the repository: %w", err)
	}
	s := &Stage{Root: root, Migration: true, Healthy: true, Test: "true", Out: out}
	if s.folder, err = os.MkdirTemp("", "vegas-rehearsal-"); err != nil {
		return nil, fmt.Errorf("make a folder: %w", err)
	}
	if s.api, err = fakerun.New(); err != nil {
		return nil, err
	}
	s.registry = httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	s.revision = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if !s.Healthy {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		fmt.Fprintf(w, `{"ready":%v,"status":"healthy","version":%q}`, s.Healthy, commit)
	}))
	s.api.URI = func(string, string, string) string { return s.revision.URL }
	s.api.Execute = func(string, map[string]string) bool { return s.Migration }
	for _, name := range serviceNames {
		s.api.AddService(s.place("services", name), oldImage)
	}
	s.api.AddJob(s.place("jobs", "migrate"), oldImage)
	return s, nil
}

// Close ends it.
func (s *Stage) Close() error {
	s.api.Close()
	s.registry.Close()
	s.revision.Close()
	return os.RemoveAll(s.folder)
}

func (s *Stage) place(kind, name string) string {
	return "projects/" + projectID + "/locations/europe-west1/" + kind + "/" + name
}

// Run executes the steps of cloudbuild.yaml until one fails, and returns how many
// succeeded.
func (s *Stage) Run(ctx context.Context) (passed int, err error) {
	b, err := Read(filepath.Join(s.Root, "cloudbuild.yaml"))
	if err != nil {
		return 0, err
	}
	base, err := s.base()
	if err != nil {
		return 0, err
	}
	values, err := substitutions(b, map[string]string{
		"PROJECT_ID": projectID, "BUILD_ID": "rehearsal-1", "COMMIT_SHA": commit,
		"_REPOSITORY": s.host() + "/vegascore", "_BASE_IMAGE": base, "_TEST": s.Test, "_SOAK": "20ms",
	})
	if err != nil {
		return 0, err
	}
	for _, step := range b.GetSteps() {
		began := time.Now()
		if err := s.step(ctx, step, values); err != nil {
			return passed, fmt.Errorf("step %s: %w", step.GetId(), err)
		}
		passed++
		fmt.Fprintf(s.Out, "step %s passed in %.1f s\n", step.GetId(), time.Since(began).Seconds())
	}
	return passed, nil
}

// step runs one step with the build's substitutions in its environment, as
// automapSubstitutions does.
func (s *Stage) step(ctx context.Context, step *cloudbuildpb.BuildStep, values map[string]string) error {
	args := slices.Clone(step.GetArgs())
	for i := range args {
		var err error
		if args[i], err = expand(args[i], values); err != nil {
			return err
		}
	}
	cmd := exec.CommandContext(ctx, step.GetEntrypoint(), args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr, cmd.WaitDelay = s.Root, s.Out, s.Out, 5*time.Second
	cmd.Env = append(os.Environ(), "RELEASE="+filepath.Join(s.folder, "release"), "RUN_ENDPOINT="+s.api.Addr(),
		"PROBE_IDENTITY=none", "PROBE_EVERY=5ms", "START_TIME=1s", "KO_FLAGS=--sbom=none", "KOCACHE="+filepath.Join(s.Root, ".cache", "ko"), "GOWORK=")
	for _, name := range slices.Sorted(maps.Keys(values)) {
		cmd.Env = append(cmd.Env, name+"="+values[name])
	}
	return cmd.Run()
}

func (s *Stage) host() string { return strings.TrimPrefix(s.registry.URL, "http://") }

// base puts an empty base image into the registry and returns its name with its digest.
func (s *Stage) base() (string, error) {
	image, err := mutate.Config(empty.Image, v1.Config{User: "65532"})
	if err == nil {
		var config *v1.ConfigFile
		if config, err = image.ConfigFile(); err == nil {
			config.OS, config.Architecture = "linux", "amd64"
			image, err = mutate.ConfigFile(image, config)
		}
	}
	if err != nil {
		return "", fmt.Errorf("make a base image: %w", err)
	}
	ref, err := name.ParseReference(s.host()+"/base:latest", name.Insecure)
	if err == nil {
		err = remote.Write(ref, image)
	}
	if err != nil {
		return "", fmt.Errorf("push a base image: %w", err)
	}
	digest, err := image.Digest()
	if err != nil {
		return "", fmt.Errorf("push a base image: %w", err)
	}
	return net.JoinHostPort("localhost", s.host()[strings.LastIndexByte(s.host(), ':')+1:]) + "/base@" + digest.String(), nil
}

// Writes is how often the services were written to.
func (s *Stage) Writes() (n int) {
	for _, name := range serviceNames {
		n += s.api.Writes(s.place("services", name))
	}
	return n
}

// Released reports whether all traffic of every service is on an image of this build.
func (s *Stage) Released() bool {
	for _, name := range serviceNames {
		service := s.api.Service(s.place("services", name))
		states := service.GetTrafficStatuses()
		image := service.GetTemplate().GetContainers()[0].GetImage()
		if len(states) != 1 || states[0].GetPercent() != 100 || !strings.HasSuffix(service.GetLatestReadyRevision(), states[0].GetRevision()) ||
			!strings.HasPrefix(image, s.host()+"/vegascore/"+name+"@sha256:") {
			return false
		}
	}
	return true
}
