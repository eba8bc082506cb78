package rules

import (
	"strings"
	"testing"
)

func TestEveryDependencyHasAReason(t *testing.T) {
	t.Parallel()
	reasons := string(read(t, "infra/decisions/dependencies.md"))
	for folder, mod := range modules(t) {
		for _, req := range mod.Require {
			path := req.Mod.Path
			if req.Indirect || strings.HasPrefix(path, prefix) {
				continue
			}
			if !strings.Contains(reasons, "`"+path+"`") {
				t.Errorf("%s requires %s: give its reason a line in infra/decisions/dependencies.md", folder, path)
			}
		}
	}
}
