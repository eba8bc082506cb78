package terraform

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2/hclparse"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/gocty"
)

// What the module budget assumes unless it is told otherwise. A test holds the two together.
const (
	revisions = 2   // a rollout's
	reserve   = 5   // connections for people and the server itself
	share     = 0.8 // of max_connections
)

// A sized thing opens pool connections in each of count containers or tasks.
type sized struct{ count, pool int }

// needed is how many connections a fleet may open at the worst moment of a rollout.
func needed(services, jobs []sized) int {
	sum := reserve
	for _, s := range services {
		sum += s.count * s.pool * revisions
	}
	for _, j := range jobs {
		sum += j.count * j.pool
	}
	return sum
}

// allowed is how many of them a database may promise.
func allowed(maxConnections int) int { return int(math.Floor(share * float64(maxConnections))) }

func TestTheBudgetCountsBothRevisions(t *testing.T) {
	t.Parallel()
	services := []sized{{4, 6}, {2, 3}}
	for _, test := range []struct { // as in modules/budget/tests
		name           string
		jobs           []sized
		maxConnections int
		needed         int
		fits           bool
	}{
		{"all is counted", []sized{{1, 2}, {1, 3}}, 100, 70, true},
		{"the last one", []sized{{1, 15}}, 100, 80, true},
		{"one more", []sized{{1, 16}}, 100, 81, false},
		{"a fraction is none", []sized{{1, 15}}, 99, 80, false},
	} {
		got := needed(services, test.jobs)
		if got != test.needed || got <= allowed(test.maxConnections) != test.fits {
			t.Errorf("%s: needed %d of %d, want %d, fits %v", test.name, got, allowed(test.maxConnections), test.needed, test.fits)
		}
	}
}

func TestTheModuleAssumesTheSameBudget(t *testing.T) {
	t.Parallel()
	const name = "modules/budget/variables.tf"
	c, err := parse(map[string]string{name: read(t, folder+"/"+name)})
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[string]float64)
	for _, b := range c.blocks {
		if attr := b.Body.Attributes["default"]; attr != nil {
			v, _ := literal(attr.Expr)
			got[b.Labels[0]], _ = v.AsBigFloat().Float64()
		}
	}
	if diff := cmp.Diff(map[string]float64{"revisions": revisions, "reserve": reserve, "share": share}, got); diff != "" {
		t.Errorf("defaults of the module (-want +got):\n%s", diff)
	}
}

// settings reads the variables of an environment.
func settings(t *testing.T, name string) map[string]cty.Value {
	t.Helper()
	file := folder + "/environments/" + name + "/terraform.tfvars"
	f, diags := hclparse.NewParser().ParseHCL([]byte(read(t, file)), file)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	values := make(map[string]cty.Value)
	for name, attr := range f.Body.(*hclsyntax.Body).Attributes {
		v, ok := literal(attr.Expr)
		if !ok {
			t.Fatalf("%s: %s is no plain value", file, name)
		}
		values[name] = v
	}
	return values
}

// environments are the folders of the environments.
func environments(t *testing.T) []string {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(folder, "environments"))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if diff := cmp.Diff([]string{"production", "staging"}, names); diff != "" {
		t.Fatalf("environments (-want +got):\n%s", diff)
	}
	return names
}

func number(t *testing.T, v cty.Value, path ...string) int {
	t.Helper()
	for _, name := range path {
		v = v.GetAttr(name)
	}
	var n int
	if err := gocty.FromCtyValue(v, &n); err != nil {
		t.Fatalf("%v: %v", path, err)
	}
	return n
}

func TestEveryEnvironmentKeepsTheBudget(t *testing.T) {
	t.Parallel()
	for _, name := range environments(t) {
		values := settings(t, name)
		jobs := values["jobs"]
		if jobs == cty.NilVal {
			jobs = defaultOf(t, "jobs")
		}
		services := values["services"]
		of := func(v cty.Value, name, count string) sized {
			return sized{number(t, v, name, count), number(t, v, name, "pool")}
		}
		need := needed(
			[]sized{of(services, "actions", "max_instances"), of(services, "events", "max_instances")},
			[]sized{of(jobs, "migrate", "tasks"), of(jobs, "sweep", "tasks")},
		)
		most := allowed(number(t, values["database"], "max_connections"))
		t.Logf("%s: %d of %d connections at the worst moment", name, need, most)
		if need > most {
			t.Errorf("%s: the fleet may open %d connections, the database has %d for it", name, need, most)
		}
		for service := range services.Type().AttributeTypes() {
			if n := number(t, services, service, "concurrency"); n < 1 || n > 1000 {
				t.Errorf("%s: %s: %d requests at a time; Cloud Run gives a container 1 to 1000", name, service, n)
			}
		}
	}
}

func defaultOf(t *testing.T, name string) cty.Value {
	t.Helper()
	for _, b := range load(t).blocks {
		if b.name() == "var."+name {
			v, ok := literal(b.Body.Attributes["default"].Expr)
			if ok {
				return v
			}
		}
	}
	t.Fatalf("var.%s has no default", name)
	return cty.NilVal
}

func TestEveryEnvironmentSetsWhatItMust(t *testing.T) {
	t.Parallel()
	optional := make(map[string]bool) // by name; false: must be set
	for _, b := range load(t).blocks {
		if b.Type != "variable" {
			continue
		}
		optional[b.Labels[0]] = b.Body.Attributes["default"] != nil
		if b.text("description") == "" || b.text("type") == "" {
			t.Errorf("%s has no description or no type", b.name())
		}
		if len(b.at("validation")) == 0 {
			t.Errorf("%s takes anything: give it a validation", b.name())
		}
	}
	projects := make(map[string]string)
	for _, name := range environments(t) {
		values := settings(t, name)
		for v := range values {
			if _, ok := optional[v]; !ok {
				t.Errorf("%s sets %s, which is no variable", name, v)
			}
		}
		for v, may := range optional {
			if _, ok := values[v]; !ok && !may {
				t.Errorf("%s does not set %s", name, v)
			}
		}
		if got := values["environment"].AsString(); got != name {
			t.Errorf("%s says that it is %s", name, got)
		}
		for _, own := range []string{"project", "domain"} {
			if other := projects[values[own].AsString()]; other != "" {
				t.Errorf("%s has the %s of %s", name, own, other)
			}
			projects[values[own].AsString()] = name
		}
		for _, once := range []string{"images", "sweep_image"} {
			if slices.Contains(keys(values), once) {
				t.Errorf("%s sets %s: images are the gate's after the first deploy", name, once)
			}
		}
	}
}

func keys(m map[string]cty.Value) []string {
	var names []string
	for name := range m {
		names = append(names, name)
	}
	return names
}
