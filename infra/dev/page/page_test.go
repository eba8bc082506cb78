package page

import (
	"io/fs"
	"os/exec"
	"path"
	"regexp"
	"strings"
	"testing"
)

func text(t *testing.T, name string) string {
	t.Helper()
	b, err := Files.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func scripts(t *testing.T) []string {
	t.Helper()
	modules, err := fs.Glob(Files, "js/*.js")
	if err != nil || len(modules) == 0 {
		t.Fatalf("modules: %v, %v", modules, err)
	}
	return append(modules, "app.js")
}

func TestEveryImportAndReferenceIsEmbedded(t *testing.T) {
	t.Parallel()
	imported := regexp.MustCompile(`(?m)^import .*from '([^']+)';$`)
	for _, name := range scripts(t) {
		for _, found := range imported.FindAllStringSubmatch(text(t, name), -1) {
			text(t, path.Join(path.Dir(name), found[1]))
		}
	}
	referenced := regexp.MustCompile(`(?:src|href)="/([^"]+)"`)
	for _, found := range referenced.FindAllStringSubmatch(text(t, "index.html"), -1) {
		text(t, found[1])
	}
}

func TestPageWorksUnderAStrictPolicy(t *testing.T) {
	t.Parallel()
	for _, unsafe := range []string{"unsafe-inline", "unsafe-eval", "http:", "https:", "*", "data:"} {
		if strings.Contains(Policy, unsafe) {
			t.Errorf("the policy allows %s", unsafe)
		}
	}
	inline := regexp.MustCompile(`(?i)<style|\sstyle=|\son[a-z]+=|javascript:|<script(?:[^>]*)>[^<]`)
	if found := inline.FindString(text(t, "index.html")); found != "" {
		t.Errorf("index.html has inline script or style: %q", found)
	}
}

func TestScriptsNeverWriteMarkup(t *testing.T) {
	t.Parallel()
	markup := regexp.MustCompile(`innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|srcdoc|localStorage`)
	for _, name := range scripts(t) {
		if found := markup.FindString(text(t, name)); found != "" {
			t.Errorf("%s uses %s; what players write is shown as text", name, found)
		}
	}
}

func TestElementsThatScriptsAskForExist(t *testing.T) {
	t.Parallel()
	page := text(t, "index.html")
	asked := regexp.MustCompile(`byId\('([^']+)'\)`)
	for _, name := range scripts(t) {
		for _, found := range asked.FindAllStringSubmatch(text(t, name), -1) {
			if !strings.Contains(page, `id="`+found[1]+`"`) {
				t.Errorf("%s asks for #%s, which index.html has not", name, found[1])
			}
		}
	}
}

func TestPageSaysThatItIsPlayMoney(t *testing.T) {
	t.Parallel()
	if page := text(t, "index.html"); !strings.Contains(page, "Play money only") {
		t.Error("index.html does not say that it is play money")
	}
}

// The arithmetic of fairness and money runs in Node, against published vectors.
func TestArithmeticOfTheModules(t *testing.T) {
	t.Parallel()
	out, err := exec.CommandContext(t.Context(), "node", "--test", "unit/").CombinedOutput()
	if err != nil {
		t.Errorf("node --test: %v\n%s", err, out)
	}
}
