package e2e

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vegascore/vegascore/infra/dev/e2e/platform"
	"github.com/vegascore/vegascore/infra/dev/stack"
)

// Rounds of every game are checked in a real browser, by the code of the house compiled for
// it: see page/browsertest/check.mjs. One is from this platform, the others are examples.
func TestRoundsAreCheckedInABrowser(t *testing.T) {
	t.Parallel()
	p := platform.Start(t, stack.Options{})
	ada := platform.Guest(t, p.URL, "Ada")
	round, _ := ada.MustBet(t, "first", 100)
	do := func(method, path string, body any) platform.Answer {
		t.Helper()
		answer, err := ada.Do(t.Context(), method, path, "", body)
		if err != nil || answer.Status/100 != 2 {
			t.Fatalf("%s: %d %s, %v", path, answer.Status, answer.Body, err)
		}
		return answer
	}
	do(http.MethodPost, "/v1/me/seeds", map[string]string{"client_seed": "next"})
	bundle := filepath.Join(t.TempDir(), "bundle.json")
	if err := os.WriteFile(bundle, do(http.MethodGet, "/v1/rounds/"+round.ID+"/bundle", nil).Body, 0o600); err != nil {
		t.Fatal(err)
	}
	examples, err := filepath.Glob("../../../services/actions/internal/verify/testdata/*.json")
	if err != nil || len(examples) < 7 {
		t.Fatalf("examples %v, %v", examples, err)
	}
	args := []string{"check.mjs", p.URL, bundle}
	for _, name := range examples {
		path, err := filepath.Abs(name)
		if err != nil {
			t.Fatal(err)
		}
		args = append(args, path)
	}
	cmd := exec.CommandContext(t.Context(), "node", args...)
	cmd.Dir = filepath.Join("..", "page", "browsertest")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("check.mjs: %v\n%s", err, out)
	} else {
		t.Log(strings.TrimSpace(string(out)))
	}
}

// Two guests play on the page in a real browser: see page/browsertest/play.mjs. Its
// npm packages come with `make test`.
func TestTwoGuestsPlayOnThePageInABrowser(t *testing.T) {
	t.Parallel()
	p := platform.Start(t, stack.Options{})
	cmd := exec.CommandContext(t.Context(), "node", "play.mjs", p.URL)
	cmd.Dir = filepath.Join("..", "page", "browsertest")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("play.mjs: %v\n%s", err, out)
	}
	for line := range strings.Lines(string(out)) {
		if strings.HasPrefix(line, "#") {
			t.Log(strings.TrimSpace(line))
		}
	}
}
