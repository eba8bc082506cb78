package bench

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// It looks at no time: only that everything is measured, printed, and sound.
func TestAShortRunPrintsSoundFigures(t *testing.T) {
	t.Parallel()
	r, err := Run(t.Context(), Options{Short: true, Progress: t.Output()})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Err(); err != nil {
		t.Error(err)
	}
	if b := r.Bets; b == nil || b.Pgbench <= 0 || len(b.Ways) != 2 {
		t.Fatalf("bets: %+v", b)
	}
	for _, w := range r.Bets.Ways {
		if w.PerSecond <= 0 || w.Ratio <= 0 || w.P50 <= 0 || w.AloneP50 <= 0 {
			t.Errorf("bets: %+v", w)
		}
	}
	if g := r.Growth; g == nil || g.Large <= g.Small || g.Bytes <= 0 || len(g.Pairs.Pairs) != 2 {
		t.Fatalf("growth: %+v", g)
	}
	if p := r.Pooler; p == nil || p.Pgbench <= 0 || p.PgbenchThrough <= 0 || len(p.Pairs.Pairs) != 2 || len(p.ToPgbenchThrough) != 2 {
		t.Fatalf("through PgBouncer: %+v", p)
	}
	for _, p := range slices.Concat(r.Growth.Pairs.Pairs, r.Pooler.Pairs.Pairs) {
		if p.Ratio <= 0 || p.First.PerSecond <= 0 || p.Second.PerSecond <= 0 || p.Second.P99 <= 0 || p.Second.WAL <= 0 {
			t.Errorf("in turn: %+v", p)
		}
	}
	if r.Prune == nil || len(r.Prune.Kinds) != len(kinds) {
		t.Fatalf("pruning: %+v", r.Prune)
	}
	for _, k := range r.Prune.Kinds {
		if k.Rows != 3000 || k.PerSecond <= 0 || k.Ratio <= 0 || k.P99Beside <= 0 {
			t.Errorf("pruning: %+v", k)
		}
	}
	if len(r.Connections) != 3 {
		t.Errorf("connections: %+v", r.Connections)
	}
	for _, c := range r.Connections { // of 500 connections the memory may be anything
		if c.CPU < 0 || c.PerSecond <= 0 || c.Connections != 500 {
			t.Errorf("connections: %+v", c)
		}
	}
	if len(r.Starts) != 4 {
		t.Errorf("%d starts", len(r.Starts))
	}
	if len(r.Pools) != 2 || r.Pools[0].Size != 1 || r.Pools[1].Size <= 1 || r.Pools[0].PerSecond <= 0 || r.Pools[1].PerSecond <= 0 {
		t.Errorf("pools: %+v", r.Pools)
	}
	if len(r.Probes) != 2 || r.Probes[1].P99 <= 0 || r.Probes[1].P99 > r.Probes[1].Worst {
		t.Errorf("probes: %+v", r.Probes)
	}
	if len(r.Fanout) != 3*len(scenarios) {
		t.Errorf("%d broadcasts", len(r.Fanout))
	}
	for _, f := range r.Fanout {
		if f.PerSecond <= 0 || f.P99 <= 0 {
			t.Errorf("%s with %s: %+v", f.Scenario, f.Server, f)
		}
	}
	var text bytes.Buffer
	r.Write(&text)
	for _, want := range []string{"pgbench with the same SQL", "actions", "S8  socket.io", "large to small", "through to without", "worst batch", "p99 of one alone", "S3: one room", "S6  vegascore", "connects/s", "as chosen", "Probes while"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("no %q in\n%s", want, text.String())
		}
	}
	if b, err := json.Marshal(r); err != nil || !strings.Contains(string(b), `"ratio":`) {
		t.Errorf("JSON: %s, %v", b, err)
	}
	t.Log(text.String())
}

func TestUnsoundFiguresAreAnError(t *testing.T) {
	t.Parallel()
	for _, r := range []Result{
		{Fanout: []Fanout{{Deliveries: 1, Lost: 1}}},
		{Fanout: []Fanout{{Deliveries: 1, Duplicated: 1}}},
		{Fanout: []Fanout{{Deliveries: 1, Unordered: 1}}},
		{Fanout: []Fanout{{}}},
		{Bets: &Bets{Unmatched: 1}},
		{Pools: []Pool{{WrongMoney: 1}}},
		{Bets: &Bets{WrongMoney: 1}},
		{Bets: &Bets{BadLedger: 1}},
		{Growth: &Growth{Pairs: Pairs{Unmatched: 1}}},
		{Pooler: &Pooler{Pairs: Pairs{WrongMoney: 1}}},
		{Prune: &Prune{BadLedger: 1}},
		{Prune: &Prune{Kinds: []Pruned{{Left: 1}}}},
	} {
		if r.Err() == nil {
			t.Errorf("%+v is sound", r)
		}
	}
	if err := (&Result{Growth: &Growth{}, Pooler: &Pooler{}, Prune: &Prune{Kinds: []Pruned{{}}}, Fanout: []Fanout{{Deliveries: 1}}, Bets: &Bets{}}).Err(); err != nil {
		t.Error(err)
	}
}

func TestGoalsSayWhatWasNotReached(t *testing.T) {
	t.Parallel()
	r := Result{
		Bets: &Bets{Ways: []Way{
			{Name: oneByOne, Ratio: 0.6, AloneP99: 10 * time.Millisecond},
			{Name: together, Ratio: 1.6, Clients: 200, P99: 24 * time.Millisecond, AloneP99: 12 * time.Millisecond},
		}},
		Growth: &Growth{Small: 1, Large: 2, Pairs: Pairs{Pairs: []Pair{{Name: oneByOne, Ratio: 0.9}, {Name: together, Ratio: 0.89}}}},
	}
	var text bytes.Buffer
	r.writeGoals(&text)
	var reached []bool
	for line := range strings.Lines(text.String()) {
		if strings.Contains(line, "reached") {
			reached = append(reached, !strings.Contains(line, "NOT"))
		}
	}
	if want := []bool{false, true, true, false, true, false}; !slices.Equal(reached, want) {
		t.Errorf("reached: %v; want %v in\n%s", reached, want, text.String())
	}
}
