package alerts

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

const (
	root      = "../../.." // the tests run in their folder
	rulesFile = root + "/infra/alerts/alerts.yaml"
	testsFile = root + "/infra/alerts/alerts_test.yaml"
	playbooks = root + "/infra/playbooks"
)

// A rule is an alert of rulesFile.
type rule struct {
	Alert       string            `json:"alert"`
	Expr        string            `json:"expr"`
	For         string            `json:"for"`
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
}

// rules reads all alerts.
func rules(t *testing.T) []rule {
	t.Helper()
	var file struct {
		Groups []struct {
			Name  string `json:"name"`
			Rules []rule `json:"rules"`
		} `json:"groups"`
	}
	parse(t, rulesFile, &file)
	var all []rule
	for _, g := range file.Groups {
		all = append(all, g.Rules...)
	}
	if len(all) < 10 {
		t.Fatalf("%s has %d alerts: that cannot be all", rulesFile, len(all))
	}
	return all
}

func parse(t *testing.T, name string, into any) {
	t.Helper()
	if err := yaml.Unmarshal([]byte(text(t, name)), into); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

func text(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// promtool runs promtool and returns what it printed.
func promtool(t *testing.T, args ...string) (string, error) {
	t.Helper()
	path, err := exec.LookPath("promtool")
	if err != nil {
		t.Fatal("promtool is missing: apt-get install prometheus, or make prepare")
	}
	out, err := exec.CommandContext(t.Context(), path, args...).CombinedOutput()
	return string(out), err
}

// copied writes a changed copy of the rules and the tests of one alert into a folder of
// their own and returns the name of the tests.
func copied(t *testing.T, alert, changed string) string {
	t.Helper()
	var file map[string]any
	parse(t, testsFile, &file)
	var own []any
	for _, test := range file["tests"].([]any) {
		if name := test.(map[string]any)["name"].(string); strings.HasPrefix(name, alert+", ") {
			own = append(own, test)
		}
	}
	file["tests"] = own
	tests, err := yaml.Marshal(file)
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	write(t, filepath.Join(folder, filepath.Base(rulesFile)), []byte(changed))
	name := filepath.Join(folder, filepath.Base(testsFile))
	write(t, name, tests)
	return name
}

func write(t *testing.T, name string, content []byte) {
	t.Helper()
	if err := os.WriteFile(name, content, 0o600); err != nil {
		t.Fatal(err)
	}
}
