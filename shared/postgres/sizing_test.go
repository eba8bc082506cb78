package postgres

import (
	"errors"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"pgregory.net/rapid"
)

func TestBoundIsTheSeedDocumentsFormula(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name                      string
		memoryMB, threads, byHand int
		want                      int
		why                       string
	}{
		{"minimal container", 256, 0, 0, 25, "memory"},
		{"standard container", 512, 0, 0, 51, "memory"},
		{"high-traffic container", 1024, 0, 0, 100, "limit"},
		{"1000 MB", 1000, 0, 0, 100, "limit"},
		{"huge container", 65536, 0, 0, 100, "limit"},
		{"four threads", 512, 4, 0, 16, "threads"},
		{"many threads", 512, 64, 0, 51, "memory"},
		{"by hand", 512, 4, 10, 10, "MAX_DB_CONNECTIONS"},
		{"by hand above the others", 512, 0, 80, 51, "memory"},
		{"tiny container", 5, 0, 0, 1, "memory"},
		{"nothing known", 0, 0, 0, 100, "limit"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, why := Bound(test.memoryMB, test.threads, test.byHand)
			if got != test.want || !strings.Contains(why, test.why) {
				t.Errorf("got %d by %q, want %d by %q", got, why, test.want, test.why)
			}
		})
	}
}

func TestSizeFitsTheFleetIntoTheBudget(t *testing.T) {
	t.Parallel()
	ms := time.Millisecond
	for _, test := range []struct {
		name   string
		config Config
		memory int
		want   int
		refuse bool
	}{
		{"one container at home", Config{}, 512, 22, false}, // 45 useful, two revisions
		{"one container, one revision", Config{Revisions: 1}, 512, 45, false},
		{"useful is far away", Config{Cores: 64}, 512, 45, false}, // budget 90
		{"budget by hand", Config{Cores: 64, Budget: 20}, 512, 10, false},
		{"ten containers", Config{Cores: 64, Budget: 490, MaxInstances: 10}, 512, 24, false},
		{"the container is the bound", Config{Cores: 64, Budget: 490}, 256, 25, false},
		{"slow transactions need more", Config{Hold: 10 * ms, Budget: 490}, 1024, 88, false},
		{"concurrency", Config{Concurrency: 8}, 512, 8, false},
		{"never below two", Config{MaxInstances: 40, Budget: 490}, 512, 2, false},
		{"one by hand", Config{MaxConns: 1}, 512, 1, false},
		{"too many containers", Config{MaxInstances: 100}, 512, 2, true},
		{"both revisions count", Config{MaxInstances: 30}, 512, 2, true},
		{"the same with one revision", Config{MaxInstances: 30, Revisions: 1}, 512, 2, false},
		{"budget of three", Config{Budget: 3}, 512, 2, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.config.URL = "postgres://localhost/x"
			c, err := test.config.withDefaults()
			if err != nil {
				t.Fatal(err)
			}
			got, err := size(c, test.memory, "test")
			if got.Size != test.want || errors.Is(err, ErrOverBudget) != test.refuse {
				t.Errorf("got %d (%s), %v; want %d, refused %t", got.Size, got.Reason, err, test.want, test.refuse)
			}
			if got.Reason == "" {
				t.Error("no reason given")
			}
		})
	}
}

func TestNoAcceptedFleetExceedsItsBudget(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		in := func(name string, most int) int { return rapid.IntRange(0, most).Draw(t, name) }
		c, err := Config{
			URL: "postgres://localhost/x", Threads: in("threads", 64), MaxConns: in("by hand", 200),
			MaxInstances: in("instances", 200), Revisions: in("revisions", 3), Budget: in("budget", 1000),
			Cores: in("cores", 64), Concurrency: in("concurrency", 1000),
		}.withDefaults()
		if err != nil {
			t.Fatal(err)
		}
		memoryMB := in("memory", 8192)
		got, err := size(c, memoryMB, "test")
		bound, _ := Bound(memoryMB, c.Threads, c.MaxConns)
		if got.Size < 1 || got.Size > bound {
			t.Fatalf("size %d is outside 1..%d", got.Size, bound)
		}
		if over := got.Size*c.MaxInstances*c.Revisions > got.Budget; over != (err != nil) {
			t.Fatalf("size %d of budget %d: refused %v", got.Size, got.Budget, err)
		}
	})
}

func TestMemoryComesFromTheControlGroup(t *testing.T) {
	t.Parallel()
	file := func(name, text string) fstest.MapFS { return fstest.MapFS{name: {Data: []byte(text)}} }
	for _, test := range []struct {
		name       string
		configured int
		files      fstest.MapFS
		want       int
		source     string
	}{
		{"configured", 256, file(memoryFiles[0], "1073741824\n"), 256, "MEMORY_MB"},
		{"version 2", 0, file(memoryFiles[0], "1073741824\n"), 1024, "control group"},
		{"version 1", 0, file(memoryFiles[1], "536870912\n"), 512, "control group"},
		{"no limit", 0, file(memoryFiles[0], "max\n"), 512, "assumed"},
		{"version 1 without limit", 0, file(memoryFiles[1], "9223372036854771712\n"), 512, "assumed"},
		{"no control group", 0, fstest.MapFS{}, 512, "assumed"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if mb, source := memory(test.configured, test.files); mb != test.want || source != test.source {
				t.Errorf("got %d by %q, want %d by %q", mb, source, test.want, test.source)
			}
		})
	}
}
