//go:build !js

package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The check that is built for browsers runs in Node: it gives the same reports, byte by
// byte, as the one that is built for this machine, true bundles and false ones.
func TestTheBrowsersBuildFindsTheSame(t *testing.T) {
	t.Parallel()
	binary := filepath.Join(t.TempDir(), "verify.wasm")
	build := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", binary, ".")
	build.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm", "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build for js/wasm: %v\n%s", err, out)
	}
	goroot, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(binary)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d KiB for %s", info.Size()>>10, runtime.Version())

	var texts, want []string
	for _, text := range bundles(t) {
		texts = append(texts, string(text), strings.Replace(string(text), `"stake":1`, `"stake":2`, 1), string(text[1:]))
	}
	for _, text := range texts {
		out, _, _ := report([]byte(text)) // the error is in out
		want = append(want, string(out))
	}
	input, err := json.Marshal(texts)
	if err != nil {
		t.Fatal(err)
	}
	node := exec.Command("node", "testdata/run.cjs", filepath.Join(strings.TrimSpace(string(goroot)), "lib", "wasm", "wasm_exec.js"), binary)
	node.Stdin = strings.NewReader(string(input))
	var stderr strings.Builder
	node.Stderr = &stderr
	out, err := node.Output()
	if err != nil {
		t.Fatalf("node: %v\n%s", err, &stderr)
	}
	var got []string
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the reports differ (-here +browser):\n%s", diff)
	}
}
