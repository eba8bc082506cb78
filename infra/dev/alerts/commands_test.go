package alerts

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"sigs.k8s.io/yaml"

	"github.com/vegascore/vegascore/shared/pgtest"
)

var (
	sqlForm   = regexp.MustCompile(`(?s)\bsql "([^"]+)"`)
	askForm   = regexp.MustCompile(`\bask '([^']+)'`)
	shellForm = regexp.MustCompile("(?ms)^ *```sh\n(.*?)^ *```$")
)

// guides are the texts whose commands somebody will type, by name.
func guides(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob(playbooks + "/*.md")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, f := range append(files, root+"/infra/README.md", root+"/infra/migration-from-v4.md") {
		all[strings.TrimPrefix(f, root+"/")] = text(t, f)
	}
	return all
}

// commands are what a form finds, by guide.
func commands(t *testing.T, form *regexp.Regexp) map[string][]string {
	t.Helper()
	found, n := map[string][]string{}, 0
	for name, content := range guides(t) {
		for _, m := range form.FindAllStringSubmatch(content, -1) {
			found[name] = append(found[name], m[1])
			n++
		}
	}
	if n < 10 {
		t.Fatalf("%d commands of the form %s: that cannot be all", n, form)
	}
	return found
}

// placeholders stand in the guides for what the reader knows.
var placeholders = strings.NewReplacer(
	"<account>", "00000000-0000-0000-0000-000000000000", "<game>", "dice", "<lane>", "0", "<pid>", "0", "<name>", "staff@example.com")

func TestStatementsOfTheGuidesRun(t *testing.T) {
	t.Parallel()
	conn, err := pgx.Connect(t.Context(), pgtest.New(t).DirectURL)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	for name, statements := range commands(t, sqlForm) {
		for _, s := range statements {
			tx, err := conn.Begin(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if _, err := tx.Exec(t.Context(), placeholders.Replace(s)); err != nil {
				t.Errorf("%s: %v in\n%s", name, err, s)
			}
			if err := tx.Rollback(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestQueriesOfTheGuidesParse(t *testing.T) {
	t.Parallel()
	for name, queries := range commands(t, askForm) {
		var recorded []map[string]string
		for _, q := range queries {
			recorded = append(recorded, map[string]string{"record": "asked", "expr": q})
		}
		content, err := yaml.Marshal(map[string]any{"groups": []any{map[string]any{"name": "guide", "rules": recorded}}})
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(t.TempDir(), "asked.yaml")
		write(t, file, content)
		if out, err := promtool(t, "check", "rules", "--lint=none", file); err != nil {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}

func TestCommandsOfTheGuidesAreShell(t *testing.T) {
	t.Parallel()
	for name, blocks := range commands(t, shellForm) {
		for _, block := range blocks {
			// A placeholder would be a redirection to the shell.
			block = regexp.MustCompile(`<[^<>\n]+>`).ReplaceAllString(block, "x")
			cmd := exec.CommandContext(t.Context(), "bash", "-n")
			cmd.Stdin = strings.NewReader(block)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%s: %v: %s in\n%s", name, err, out, block)
			}
		}
	}
}

// Links of the guides lead to files, and to headings that exist.
func TestLinksOfTheGuidesLeadSomewhere(t *testing.T) {
	t.Parallel()
	link := regexp.MustCompile(`\]\(([^)#:]*)(#[^)]*)?\)`)
	heading := regexp.MustCompile(`(?m)^#+ (.*)$`)
	for name, content := range guides(t) {
		content = shellForm.ReplaceAllString(content, "") // brackets are no links there
		for _, m := range link.FindAllStringSubmatch(content, -1) {
			target := filepath.Join(root, filepath.Dir(name), m[1])
			if m[1] == "" {
				target = filepath.Join(root, name)
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s: %s: %v", name, m[0], err)
				continue
			}
			if m[2] == "" {
				continue
			}
			known := false
			for _, h := range heading.FindAllStringSubmatch(text(t, target), -1) {
				known = known || "#"+anchor(h[1]) == m[2]
			}
			if !known {
				t.Errorf("%s: %s: no such heading", name, m[0])
			}
		}
	}
}

// anchor is the form in which a heading is linked to.
func anchor(heading string) string {
	kept := regexp.MustCompile(`[^a-z0-9 _-]`).ReplaceAllString(strings.ToLower(heading), "")
	return strings.ReplaceAll(kept, " ", "-")
}
