package bench

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

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
	for _, want := range []string{"pgbench with the same SQL", "actions", "S8  socket.io", "S3: one room", "S6  vegascore", "connects/s", "as chosen", "Probes while"} {
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
	} {
		if r.Err() == nil {
			t.Errorf("%+v is sound", r)
		}
	}
	if err := (&Result{Fanout: []Fanout{{Deliveries: 1}}, Bets: &Bets{}}).Err(); err != nil {
		t.Error(err)
	}
}
