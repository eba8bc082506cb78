package rules

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

const prefix = "github.com/vegascore/vegascore/"

// A pkg is what `go list` says of one package of ours; the paths of ours in it
// are without the prefix.
type pkg struct {
	ImportPath  string
	Dir         string
	Name        string
	Imports     []string
	TestImports []string
	XTestImport []string `json:"XTestImports"`
	Deps        []string
}

func (p pkg) deployable() string {
	parts := strings.SplitN(p.ImportPath, "/", 3)
	if len(parts) >= 2 && (parts[0] == "services" || parts[0] == "jobs") {
		return parts[0] + "/" + parts[1]
	}
	return ""
}

var (
	loadOnce sync.Once
	loaded   []pkg
	loadErr  error
)

// packages lists every package of the workspace once for all tests.
func packages(t *testing.T) []pkg {
	t.Helper()
	loadOnce.Do(func() { loaded, loadErr = list() })
	if loadErr != nil {
		t.Fatal(loadErr)
	}
	return loaded
}

func list() ([]pkg, error) {
	cmd := exec.Command("go", "list", "-json=ImportPath,Dir,Name,Imports,TestImports,XTestImports,Deps", "work")
	cmd.Dir = root()
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, errors.New("go list: " + err.Error() + ": " + stderr.String())
	}
	var all []pkg
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, err
		}
		p.ImportPath = strings.TrimPrefix(p.ImportPath, prefix)
		for _, paths := range [][]string{p.Imports, p.TestImports, p.XTestImport, p.Deps} {
			for i := range paths {
				paths[i] = strings.TrimPrefix(paths[i], prefix)
			}
		}
		all = append(all, p)
	}
	if len(all) < 20 {
		return nil, errors.New("go list found too few packages to be the whole workspace")
	}
	return all, nil
}

// root is the top of the repository: the tests of a package run in its folder.
func root() string {
	dir, err := filepath.Abs("../../..")
	if err != nil {
		panic(err)
	}
	return dir
}

// under reports whether path is folder or lies below it.
func under(path, folder string) bool {
	return path == folder || strings.HasPrefix(path, folder+"/")
}
