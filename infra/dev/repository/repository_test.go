package repository

import (
	"os"
	"path/filepath"
	"testing"
)

func TestRootIsAboveTheCurrentFolder(t *testing.T) {
	top, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	deep := filepath.Join(top, "a", "b")
	if err := os.MkdirAll(deep, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Chdir(deep)
	if root, err := Root(); err == nil {
		t.Errorf("found %s where there is none", root)
	}
	if err := os.WriteFile(filepath.Join(top, "go.work"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{deep, top} {
		t.Chdir(dir)
		if root, err := Root(); err != nil || root != top {
			t.Errorf("Root from %s = %q, %v; want %s", dir, root, err, top)
		}
	}
}
