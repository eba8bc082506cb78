package rules

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/modfile"
)

// modules parses every go.mod of the workspace, by folder.
func modules(t *testing.T) map[string]*modfile.File {
	t.Helper()
	work, err := modfile.ParseWork("go.work", read(t, "go.work"), nil)
	if err != nil {
		t.Fatal(err)
	}
	mods := make(map[string]*modfile.File, len(work.Use))
	for _, use := range work.Use {
		name := filepath.Join(use.Path, "go.mod")
		mod, err := modfile.Parse(name, read(t, name), nil)
		if err != nil {
			t.Fatal(err)
		}
		if mod.Go.Version != work.Go.Version {
			t.Errorf("%s says go %s, go.work says go %s", name, mod.Go.Version, work.Go.Version)
		}
		mods[filepath.Clean(use.Path)] = mod
	}
	return mods
}

func TestModulesShareOneVersionOfEachDependency(t *testing.T) {
	t.Parallel()
	type use struct{ version, by string }
	first := map[string]use{}
	mods := modules(t)
	var folders []string
	for folder := range mods {
		folders = append(folders, folder)
	}
	slices.Sort(folders)
	for _, folder := range folders {
		for _, req := range mods[folder].Require {
			path, version := req.Mod.Path, req.Mod.Version
			if u, seen := first[path]; !seen {
				first[path] = use{version, folder}
			} else if u.version != version {
				t.Errorf("%s: %s wants %s, %s wants %s; make tidy aligns them", path, u.by, u.version, folder, version)
			}
		}
	}
}

func TestModulesOfOursAreReplacedByTheirFolders(t *testing.T) {
	t.Parallel()
	for folder, mod := range modules(t) {
		replaced := map[string]string{}
		for _, r := range mod.Replace {
			replaced[r.Old.Path] = filepath.Join(folder, r.New.Path)
		}
		for _, req := range mod.Require {
			ours, found := strings.CutPrefix(req.Mod.Path, prefix)
			if found && replaced[req.Mod.Path] != filepath.FromSlash(ours) {
				t.Errorf("%s/go.mod: %s must be replaced by its folder, or the module does not build without the workspace", folder, req.Mod.Path)
			}
		}
	}
}
