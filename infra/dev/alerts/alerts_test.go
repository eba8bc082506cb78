package alerts

import (
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestPromtoolTakesTheRules(t *testing.T) {
	t.Parallel()
	if out, err := promtool(t, "check", "rules", rulesFile); err != nil {
		t.Errorf("promtool check rules: %v\n%s", err, out)
	}
	if out, err := promtool(t, "test", "rules", testsFile); err != nil {
		t.Errorf("promtool test rules: %v\n%s", err, out)
	}
}

// The form that Prometheus and Cloud Monitoring share.
func TestEveryAlertIsComplete(t *testing.T) {
	t.Parallel()
	duration := regexp.MustCompile(`^(0|[1-9][0-9]*)s$`)
	seen := map[string]bool{}
	for _, r := range rules(t) {
		if seen[r.Alert] {
			t.Errorf("%s: twice; each is one policy", r.Alert)
		}
		seen[r.Alert] = true
		if !slices.Contains([]string{"CRITICAL", "WARNING"}, r.Labels["severity"]) {
			t.Errorf("%s: severity %q, want CRITICAL or WARNING", r.Alert, r.Labels["severity"])
		}
		if e, has := r.Labels["environment"]; has && !slices.Contains([]string{"staging", "production"}, e) {
			t.Errorf("%s: environment %q, want staging or production", r.Alert, e)
		}
		if s := r.Annotations["summary"]; s == "" || strings.Contains(s, "{{") {
			t.Errorf("%s: summary %q, want a text without templates", r.Alert, s)
		}
		if !duration.MatchString(r.For) {
			t.Errorf("%s: for %q, want seconds, such as 300s", r.Alert, r.For)
		}
	}
}

func TestEveryAlertHasAPlaybookAndEveryPlaybookAnAlert(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(playbooks + "/*.md")
	if err != nil {
		t.Fatal(err)
	}
	books := map[string]bool{}
	for _, f := range files {
		if name := strings.TrimSuffix(filepath.Base(f), ".md"); name != "README" {
			books[name] = true
		}
	}
	parts := []string{"## Who notices", "## First look", "## Causes and cures", "## It is over when"}
	for _, r := range rules(t) {
		if !books[r.Alert] {
			t.Errorf("%s has no playbook: write infra/playbooks/%s.md", r.Alert, r.Alert)
			continue
		}
		delete(books, r.Alert)
		book := text(t, filepath.Join(playbooks, r.Alert+".md"))
		if !strings.HasPrefix(book, "# "+r.Alert+"\n") {
			t.Errorf("infra/playbooks/%s.md does not begin with its name", r.Alert)
		}
		at := 0
		for _, part := range parts {
			i := strings.Index(book[at:], "\n"+part+"\n")
			if i < 0 {
				t.Errorf("infra/playbooks/%s.md lacks %q, in the order %q", r.Alert, part, parts)
				break
			}
			at += i
		}
	}
	for _, name := range slices.Sorted(maps.Keys(books)) {
		t.Errorf("infra/playbooks/%s.md belongs to no alert", name)
	}
}

// A rule that never fires, and one that always does, would pass one half of this.
func TestEveryAlertIsTestedOnBothSides(t *testing.T) {
	t.Parallel()
	var file struct {
		Tests []struct {
			Checks []struct {
				Alert    string `json:"alertname"`
				Expected []any  `json:"exp_alerts"`
			} `json:"alert_rule_test"`
		} `json:"tests"`
	}
	parse(t, testsFile, &file)
	fires, quiet := map[string]bool{}, map[string]bool{}
	for _, test := range file.Tests {
		for _, c := range test.Checks {
			if len(c.Expected) > 0 {
				fires[c.Alert] = true
			} else {
				quiet[c.Alert] = true
			}
		}
	}
	for _, r := range rules(t) {
		if !fires[r.Alert] || !quiet[r.Alert] {
			t.Errorf("%s: tested firing %v, quiet %v; want both", r.Alert, fires[r.Alert], quiet[r.Alert])
		}
	}
}
