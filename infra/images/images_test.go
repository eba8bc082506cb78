// Package images builds the container images of all deployables, as cloudbuild.yaml
// does, against a registry in this process.
package images

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// maxCompressed is the most that an image may weigh, in bytes.
const maxCompressed = 20 << 20

var deployables = []string{"./services/realtime", "./services/actions", "./services/events", "./jobs/migrate", "./jobs/rollout", "./jobs/sweep"}

// commit is what the images are built from.
const commit = "fedcba9876543210fedcba9876543210fedcba98"

// nonroot is the user of distroless' image for static programs.
const nonroot = "65532"

// workspace turns it on again: this module's tests run without it, because ko requires
// other versions of what the workspace requires.
const workspace = "GOWORK="

// store is a registry with a base image: nothing but the user that programs run as.
func store(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(s.Close)
	host := strings.TrimPrefix(s.URL, "http://")
	base, err := mutate.Config(empty.Image, v1.Config{User: nonroot})
	if err != nil {
		t.Fatal(err)
	}
	config, err := base.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	config.OS, config.Architecture = "linux", "amd64"
	if base, err = mutate.ConfigFile(base, config); err != nil {
		t.Fatal(err)
	}
	ref, err := name.ParseReference(host+"/base:latest", name.Insecure)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(ref, base); err != nil {
		t.Fatal(err)
	}
	return host
}

// build builds and pushes everything and returns the images, digests included.
func build(t *testing.T, ko, host string) []string {
	t.Helper()
	cmd := exec.Command(ko, append([]string{"build", "--base-import-paths", "--insecure-registry", "--sbom=none"}, deployables...)...)
	cmd.Dir = filepath.Join("..", "..")
	cache := t.TempDir() // both builds are real ones
	cmd.Env = append(os.Environ(), workspace, "KOCACHE="+cache, "COMMIT_SHA="+commit, "KO_DOCKER_REPO="+host+"/vegascore", "KO_CONFIG_PATH=infra/images/.ko.yaml", "KO_DEFAULTBASEIMAGE="+host+"/base:latest")
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("ko: %v\n%s", err, said.String())
	}
	return strings.Fields(string(out))
}

func TestImagesAreSmallNonrootAndTheSameWhenBuiltTwice(t *testing.T) {
	ko := filepath.Join(t.TempDir(), "ko")
	if out, err := exec.Command("go", "build", "-o", ko, "github.com/google/ko").CombinedOutput(); err != nil {
		t.Fatalf("build ko: %v\n%s", err, out)
	}
	host := store(t)
	first := build(t, ko, host)
	if len(first) != len(deployables) {
		t.Fatalf("%d images: %v", len(first), first)
	}
	if second := build(t, ko, host); fmt.Sprint(digests(first)) != fmt.Sprint(digests(second)) {
		t.Errorf("built twice:\n%v\n%v", digests(first), digests(second))
	}
	for _, image := range first {
		check(t, image)
	}
}

func digests(images []string) []string {
	var all []string
	for _, image := range images {
		_, digest, _ := strings.Cut(image, "@")
		all = append(all, digest)
	}
	slices.Sort(all) // ko prints them as they are finished
	return all
}

func check(t *testing.T, image string) {
	t.Helper()
	ref, err := name.ParseReference(image, name.Insecure)
	if err != nil {
		t.Fatal(err)
	}
	got, err := remote.Image(ref)
	if err != nil {
		t.Fatal(err)
	}
	layers, err := got.Layers()
	if err != nil {
		t.Fatal(err)
	}
	var size int64
	for _, layer := range layers {
		n, err := layer.Size()
		if err != nil {
			t.Fatal(err)
		}
		size += n
	}
	config, err := got.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(image, "/migrate@") && !holds(t, layers, commit) {
		t.Errorf("%s does not know its commit", image)
	}
	t.Logf("%s: %.1f MiB compressed, user %s", image, float64(size)/(1<<20), config.Config.User)
	if size > maxCompressed {
		t.Errorf("%s: %d bytes compressed", image, size)
	}
	if config.Config.User != nonroot {
		t.Errorf("%s: user %q", image, config.Config.User)
	}
}

// holds reports whether a text is in a file of the image.
func holds(t *testing.T, layers []v1.Layer, text string) bool {
	t.Helper()
	for _, layer := range layers {
		r, err := layer.Uncompressed()
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err := errors.Join(err, r.Close()); err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(content, []byte(text)) {
			return true
		}
	}
	return false
}

// No service may be able to migrate: the job alone links the migrations.
func TestNoServiceLinksMigrations(t *testing.T) {
	t.Parallel()
	for _, dir := range deployables {
		cmd := exec.Command("go", "list", "-deps", dir)
		cmd.Dir = filepath.Join("..", "..")
		cmd.Env = append(os.Environ(), workspace)
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%s: %v", dir, err)
		}
		links := strings.Contains(string(out), "vegascore/migrations") || strings.Contains(string(out), "jobs/migrate/internal")
		if want := dir == "./jobs/migrate"; links != want {
			t.Errorf("%s links migrations: %v, want %v", dir, links, want)
		}
	}
}
