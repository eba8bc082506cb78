package rules

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const maxLines = 500

// sources are the tracked and new files with one of the endings, generated and
// vendored ones left out.
func sources(t *testing.T, endings ...string) []string {
	t.Helper()
	cmd := exec.Command("git", "ls-files", "-co", "--exclude-standard")
	cmd.Dir = root()
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("list the files: %v", err)
	}
	var files []string
	for name := range strings.Lines(string(out)) {
		name = strings.TrimSpace(name)
		for _, ending := range endings {
			if strings.HasSuffix(name, ending) && !strings.Contains(name, "/testdata/") && !strings.HasSuffix(name, ".min.js") {
				files = append(files, name)
			}
		}
	}
	if len(files) == 0 {
		t.Fatalf("no file ends in %v", endings)
	}
	return files
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root(), name))
	if os.IsNotExist(err) {
		return nil // deleted, not yet committed
	}
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestFilesStaySmall(t *testing.T) {
	t.Parallel()
	for _, name := range sources(t, ".go", ".js", ".mjs", ".css", ".sql", ".tf", ".sh") {
		if n := bytes.Count(read(t, name), []byte("\n")); n > maxLines {
			t.Errorf("%s has %d lines; split it by what changes together (at most %d)", name, n, maxLines)
		}
	}
}

// banned are texts that must not stand in Go code outside this folder.
var banned = []struct {
	text   *regexp.Regexp
	except string
	why    string
}{
	{regexp.MustCompile(`//\s*nolint`), "", "a lint finding is mended"},
	{regexp.MustCompile(`\bt\.Skip`), "", "a missing server fails a test"},
	{regexp.MustCompile(`\bfunctions\.CloudEvent\(`), "", "the framework's CloudEvents handler wedges after timed-out clients"},
	{regexp.MustCompile(`\bfunctions\.Typed\(`), "", "the framework's typed handler shares one decode target between requests"},
	{regexp.MustCompile(`(?i)(insert into|update|delete from)\s+ledger_|ledger_post\(`), "shared/ledger/", "money moves only in shared/ledger"},
}

func TestNoBannedText(t *testing.T) {
	t.Parallel()
	for _, name := range sources(t, ".go") {
		if strings.HasPrefix(name, "infra/dev/rules/") {
			continue
		}
		for i, line := range bytes.Split(read(t, name), []byte("\n")) {
			for _, b := range banned {
				if b.except != "" && strings.HasPrefix(name, b.except) {
					continue
				}
				if b.text.Match(line) {
					t.Errorf("%s:%d: %s: %s", name, i+1, bytes.TrimSpace(line), b.why)
				}
			}
		}
	}
}
