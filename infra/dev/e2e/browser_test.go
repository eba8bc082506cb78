package e2e

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vegascore/vegascore/infra/dev/e2e/platform"
	"github.com/vegascore/vegascore/infra/dev/stack"
)

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
