package record

import (
	"errors"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/vegascore/vegascore/jobs/migrate/internal/script"
)

func files(n int) []script.Script {
	all := make([]script.Script, n)
	for i := range all {
		all[i] = script.Script{Version: i + 1, Name: "m", SHA256: "sum"}
	}
	return all
}

func rows(versions ...int) []Row {
	now := time.Now()
	all := make([]Row, len(versions))
	for i, v := range versions {
		all[i] = Row{Version: v, Name: "m", SHA256: "sum", Finished: &now}
	}
	return all
}

func unfinished(r []Row) []Row {
	r[len(r)-1].Finished = nil
	r[len(r)-1].SHA256 = "before it was mended"
	return r
}

func TestCompareSaysWhatIsToBeDone(t *testing.T) {
	t.Parallel()
	edited := rows(1, 2)
	edited[1].SHA256 = "other"
	renamed := rows(1)
	renamed[0].Name = "other"
	for _, test := range []struct {
		name    string
		files   int
		rows    []Row
		state   State
		pending int
		open    int
		version int
		refused string
		code    int // min_code_version
	}{
		{"new database", 3, nil, Pending, 3, 0, 0, "", 0},
		{"current", 3, rows(1, 2, 3), Current, 0, 0, 3, "", 0},
		{"one to go", 3, rows(1, 2), Pending, 1, 0, 2, "", 0},
		{"ahead", 2, rows(1, 2, 3, 4), Ahead, 0, 0, 4, "", 0},
		{"ahead, the newest unfinished", 2, unfinished(rows(1, 2, 3)), Ahead, 0, 0, 2, "", 0},
		{"unfinished", 3, unfinished(rows(1, 2)), Pending, 2, 2, 1, "", 0},
		{"unfinished with a later one", 3, append(unfinished(rows(1)), rows(2)...), "", 0, 0, 0, "not applied but 0002 is", 0},
		{"ahead, and this code still works", 2, rows(1, 2, 3), Ahead, 0, 0, 3, "", 2},
		{"ahead, and this code does not work", 2, rows(1, 2, 3, 4), "", 0, 0, 0, "serves code from 0003 on", 3},
		{"edited", 3, edited, "", 0, 0, 0, "never edited", 0},
		{"renamed", 3, renamed, "", 0, 0, 0, "never edited", 0},
		{"a gap behind", 3, rows(1, 3), "", 0, 0, 0, "0002_m is not applied but 0003 is", 0},
		{"ahead of a file that is missing", 3, rows(1, 2, 4), "", 0, 0, 0, "0003_m is not applied but 0004 is", 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			plan, err := Compare(files(test.files), test.rows, test.code)
			if test.refused != "" {
				if !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), test.refused) {
					t.Errorf("got %v, want it refused with %q", err, test.refused)
				}
				return
			}
			if err != nil || plan.State != test.state || len(plan.Pending) != test.pending || plan.Unfinished != test.open || plan.Version() != test.version {
				t.Errorf("got %+v at %d, %v", plan, plan.Version(), err)
			}
		})
	}
}

// TestAnAcceptedPlanCompletesTheSequence: whatever rows a database has, either it
// is refused or applied and pending together are the files, in order.
func TestAnAcceptedPlanCompletesTheSequence(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 6).Draw(t, "files")
		var versions []int
		for v := 1; v <= 8; v++ {
			if rapid.Bool().Draw(t, "applied") {
				versions = append(versions, v)
			}
		}
		r := rows(versions...)
		if len(r) > 0 && rapid.Bool().Draw(t, "unfinished") {
			r = unfinished(r)
		}
		plan, err := Compare(files(n), r, 0)
		if err != nil {
			return
		}
		want := 1
		for _, a := range plan.Applied {
			if a.Version != want {
				t.Fatalf("applied %d, want %d", a.Version, want)
			}
			want++
		}
		for _, p := range plan.Pending {
			if p.Version != want {
				t.Fatalf("pending %d, want %d", p.Version, want)
			}
			want++
		}
		if want != n+1 {
			t.Fatalf("the plan ends before %d of %d", want, n)
		}
	})
}
