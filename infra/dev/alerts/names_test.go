package alerts

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// awaited are figures that the alerts ask for before anything exports them. A name
// goes from here when its figure has come.
var awaited = []string{}

// given are figures that the scraper and the client library add, and the one that
// infra/terraform makes of a line of the gate's log.
var given = []string{"up", "process_start_time_seconds", "process_resident_memory_bytes", "rollout_restored_total"}

// words of PromQL that the expressions use.
var words = []string{
	"absent", "absent_over_time", "and", "by", "count", "histogram_quantile", "increase", "le", "max", "max_over_time", "min",
	"offset", "or", "rate", "sum", "time", "unless",
}

// names are the figures that an expression asks for.
func names(expr string) []string {
	for _, part := range []string{`\{[^}]*\}`, `\[[^\]]*\]`, `\bby \([^)]*\)`, `\boffset \w+`} {
		expr = regexp.MustCompile(part).ReplaceAllString(expr, " ")
	}
	var found []string
	for _, name := range regexp.MustCompile(`\b[a-z_][a-z0-9_]*`).FindAllString(expr, -1) {
		if !slices.Contains(words, name) {
			found = append(found, name)
		}
	}
	return found
}

// sources is the text of all that runs in production, without tests.
func sources(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	for _, folder := range []string{"services", "shared", "jobs"} {
		err := filepath.WalkDir(filepath.Join(root, folder), func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.IsDir() && d.Name() == "node_modules" {
				return filepath.SkipDir
			}
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			content, err := os.ReadFile(path)
			all.Write(content)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return all.String()
}

// An alert on a figure that nobody exports never fires.
func TestSomethingExportsWhatIsAskedFor(t *testing.T) {
	t.Parallel()
	asked := map[string]string{}
	for _, r := range rules(t) {
		for _, name := range names(r.Expr) {
			asked[name] = r.Alert
		}
	}
	for guide, queries := range commands(t, askForm) {
		for _, q := range queries {
			for _, name := range names(q) {
				asked[name] = guide
			}
		}
	}
	code := sources(t)
	for _, name := range slices.Sorted(maps.Keys(asked)) {
		literal := regexp.MustCompile(`_(bucket|count|sum)$`).ReplaceAllString(name, "")
		if strings.HasSuffix(name, "_latency_p50") { // made for each component
			literal = "_latency_p50"
		}
		if !strings.Contains(code, `"`+literal+`"`) && !slices.Contains(given, name) && !slices.Contains(awaited, name) {
			t.Errorf("%s asks for %s: nothing exports it", asked[name], name)
		}
	}
}

func TestTheLineThatCountsRestoredTrafficExists(t *testing.T) {
	t.Parallel()
	made, err := os.ReadFile("../../terraform/monitoring.tf")
	if err != nil {
		t.Fatal(err)
	}
	const line = "traffic restored"
	if !strings.Contains(string(made), line) || !strings.Contains(sources(t), `"`+line+`"`) {
		t.Errorf("the gate and infra/terraform do not agree on %q", line)
	}
}

// A search for a line that was renamed finds nothing and says nothing.
func TestLogLinesOfTheGuidesExist(t *testing.T) {
	t.Parallel()
	search := regexp.MustCompile(`jsonPayload\.message=(\([^)]*\)|"[^"]*")`)
	code, n := sources(t), 0
	for guide, content := range guides(t) {
		for _, m := range search.FindAllStringSubmatch(content, -1) {
			for _, line := range regexp.MustCompile(`"[^"]+"`).FindAllString(m[1], -1) {
				n++
				if !strings.Contains(code, line) {
					t.Errorf("%s searches the log for %s: nothing says that", guide, line)
				}
			}
		}
	}
	if n < 5 {
		t.Errorf("%d log lines found: that cannot be all", n)
	}
}
