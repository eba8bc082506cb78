package rules

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// heavy is what the check of a round never links: a page loads all of it, and its author
// promises that it has no network.
var heavy = []string{
	"net", "log", "log/slog", "crypto/tls", prefix + "shared/web", prefix + "shared/postgres",
	"go.opentelemetry.io", "github.com/prometheus", "github.com/jackc/pgx/v5", "github.com/redis/go-redis/v9",
}

// The two builds differ in their files, and the standard library's in theirs: both are asked.
func TestTheCheckOfARoundLinksNoNetwork(t *testing.T) {
	t.Parallel()
	const check = prefix + "services/actions/cmd/verify"
	for name, env := range map[string][]string{"this machine": nil, "browsers": {"GOOS=js", "GOARCH=wasm", "CGO_ENABLED=0"}} {
		cmd := exec.Command("go", "list", "-deps", check)
		cmd.Dir = root()
		cmd.Env = append(os.Environ(), env...)
		var stderr strings.Builder
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%s: go list: %v: %s", name, err, &stderr)
		}
		deps := strings.Fields(string(out))
		if !slices.Contains(deps, prefix+"shared/strictjson") {
			t.Errorf("%s: %v: has the check moved?", name, deps)
		}
		for _, dep := range deps {
			if slices.ContainsFunc(heavy, func(h string) bool { return under(dep, h) }) {
				t.Errorf("%s: %s links %s", name, check, dep)
			}
		}
	}
}
