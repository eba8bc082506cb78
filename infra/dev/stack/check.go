package stack

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/vegascore/vegascore/infra/dev/page"
)

// The check of a round for browsers, and what Go needs to run there.
const (
	checkCode   = "verify.wasm"
	checkLoader = "wasm_exec.js"
)

// BuildCheck compiles the check of a round for browsers into bin.
func BuildCheck(ctx context.Context, root, bin string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-buildvcs=false", "-trimpath", "-ldflags=-s -w", "-o", filepath.Join(bin, checkCode), "./services/actions/cmd/verify")
	cmd.Dir, cmd.Env = root, append(os.Environ(), "GOOS=js", "GOARCH=wasm", "CGO_ENABLED=0")
	if said, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build the check of rounds: %w\n%s", err, bytes.TrimSpace(said))
	}
	goroot, err := exec.CommandContext(ctx, "go", "env", "GOROOT").Output()
	if err != nil {
		return fmt.Errorf("build the check of rounds: %w", err)
	}
	loader, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(goroot)), "lib", "wasm", checkLoader))
	if err == nil {
		err = os.WriteFile(filepath.Join(bin, checkLoader), loader, 0o600)
	}
	if err != nil {
		return fmt.Errorf("build the check of rounds: %w", err)
	}
	return nil
}

// checkPage is the page with what was built into bin, of which nothing else is served.
func checkPage(bin string) fs.FS { return overlay{page.Check(), os.DirFS(bin)} }

// overlay is a file system with the two files of another one.
type overlay struct{ files, built fs.FS }

// Open implements fs.FS.
func (o overlay) Open(name string) (fs.File, error) {
	f, err := o.files.Open(name)
	if errors.Is(err, fs.ErrNotExist) && (name == checkCode || name == checkLoader) {
		return o.built.Open(name)
	}
	return f, err
}
