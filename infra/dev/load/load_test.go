package load

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/vegascore/vegascore/services/realtime/socketio"
)

// quick is a run of 4 players who make 60 bets together.
func quick(t *testing.T, h *house) *Report {
	t.Helper()
	report, err := Run(t.Context(), Options{URL: h.URL, Players: 4, Tables: 2, MaxBets: 60, Time: 30 * time.Second, Grace: 300 * time.Millisecond, Metrics: []string{h.URL + "/metrics"}})
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func TestASoundPlatformIsFoundSound(t *testing.T) {
	t.Parallel()
	r := quick(t, open(t, &house{}))
	if err := r.Err(); err != nil {
		t.Error(err)
	}
	// Two sockets hear each round, one its balance.
	if r.Bets != 60 || r.Deliveries != 180 || len(r.Errors) != 0 {
		t.Errorf("%d bets, %d deliveries, errors %v; want 60, 180 and none", r.Bets, r.Deliveries, r.Errors)
	}
	if r.CPU <= 0 || r.P50 <= 0 || r.Max < r.P50 {
		t.Errorf("CPU %g s, p50 %s, max %s", r.CPU, r.P50, r.Max)
	}
}

func TestFaultsAreFound(t *testing.T) {
	t.Parallel()
	send := func(to []socketio.Target, event map[string]any) { _ = to[0].Emit("round", event) }
	var held map[string]any
	for _, c := range []struct {
		name  string
		house *house
		want  func(r *Report) bool
	}{
		{"a lost event", &house{faulty: func(n int, _ *house, to []socketio.Target, e map[string]any) {
			if n != 30 {
				send(to, e)
			}
		}}, func(r *Report) bool { return r.Lost == 2 && r.Duplicated+r.Unordered+r.WrongMoney == 0 }},
		{"an event twice", &house{faulty: func(n int, _ *house, to []socketio.Target, e map[string]any) {
			send(to, e)
			if n == 30 {
				send(to, e)
			}
		}}, func(r *Report) bool { return r.Duplicated == 2 && r.Lost+r.Unordered+r.WrongMoney == 0 }},
		{"an event after the player's next", &house{faulty: func(n int, _ *house, to []socketio.Target, e map[string]any) {
			if held == nil && n > 20 {
				held = e
				return
			}
			send(to, e)
			if len(held) > 0 && held["player"].(map[string]any)["id"] == e["player"].(map[string]any)["id"] {
				send(to, held)
				held = map[string]any{}
			}
		}}, func(r *Report) bool { return r.Unordered == 2 && r.Lost+r.Duplicated+r.WrongMoney == 0 }},
		{"an answer with less money", &house{short: 1}, func(r *Report) bool { return r.WrongMoney > 0 }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := quick(t, open(t, c.house))
			if !c.want(r) {
				t.Errorf("%d lost, %d duplicated, %d out of order, %d wrong money", r.Lost, r.Duplicated, r.Unordered, r.WrongMoney)
			}
			if !errors.Is(r.Err(), ErrUnsound) {
				t.Errorf("got %v, want ErrUnsound", r.Err())
			}
		})
	}
}

func TestARefusedBetIsTriedAgainUnderItsKey(t *testing.T) {
	t.Parallel()
	r := quick(t, open(t, &house{refuse: func(n int) int {
		if n%10 == 0 {
			return 503
		}
		return 0
	}}))
	if err := r.Err(); err != nil || r.Bets != 60 || r.Errors["unavailable"] != 6 {
		t.Errorf("%v; %d bets, errors %v; want 60 and 6 times unavailable", err, r.Bets, r.Errors)
	}
}

func TestTheReportNamesItsFigures(t *testing.T) {
	t.Parallel()
	h := open(t, &house{})
	var out bytes.Buffer
	r, err := Run(t.Context(), Options{URL: h.URL, Players: 2, Rate: 50, Time: 1200 * time.Millisecond, Out: &out})
	if err != nil {
		t.Fatal(err)
	}
	r.Write(&out)
	for _, want := range []string{"deliveries/s", "    1s        2", "p90", "out of order   0", "CPU            unknown"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
	if r.Bets < 60 || r.Bets > 130 {
		t.Errorf("%d bets in 1.2 s at 100/s", r.Bets)
	}
}

func TestBoundsAreKept(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		opts Options
		want string
	}{
		{Options{URL: "http://vegascore.example"}, "-allow-remote"},
		{Options{URL: "http://10.0.0.1:8080"}, "-allow-remote"},
		{Options{URL: "localhost:8080"}, "http://host"},
		{Options{Players: mostPlayers + 1}, "players"},
		{Options{Tables: 9}, "tables"},
		{Options{Time: time.Hour}, "bets"},
		{Options{Rate: -1}, "negative"},
	} {
		if _, err := Run(t.Context(), c.opts); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: got %v, want %q", c.opts, err, c.want)
		}
	}
	for _, address := range []string{"http://localhost:8080/", "http://127.0.0.1", "http://[::1]:80"} {
		if _, err := (Options{URL: address}).Validate(); err != nil {
			t.Errorf("%s: %v", address, err)
		}
	}
	if _, err := (Options{URL: "https://vegascore.example", AllowRemote: true}).Validate(); err != nil {
		t.Error(err)
	}
}
