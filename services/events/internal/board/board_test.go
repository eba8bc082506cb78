package board

import (
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/vegascore/vegascore/services/events/internal/inbox"
	"github.com/vegascore/vegascore/shared/event"
	"github.com/vegascore/vegascore/shared/leaderboard"
	"github.com/vegascore/vegascore/shared/money"
	"github.com/vegascore/vegascore/shared/pgtest"
	"github.com/vegascore/vegascore/shared/postgres"
	"github.com/vegascore/vegascore/shared/problem"
)

var ada = uuid.MustParse("0199a000-0000-7000-8000-00000000000a")

func round() event.RoundSettled {
	return event.RoundSettled{
		Round: uuid.MustParse("0199a000-0000-7000-8000-000000000001"), Player: ada, Name: "Ada", Game: "dice", Table: "dice-1",
		Rules: "dice/1", Asset: money.Play, Stake: 100, Payout: 198, SettledAt: time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC),
	}
}

// members is the round's JSON with some members changed; nil takes one out.
func members(t testing.TB, changed map[string]any) []byte {
	t.Helper()
	plain, err := json.Marshal(round())
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]any{}
	if err := json.Unmarshal(plain, &all); err != nil {
		t.Fatal(err)
	}
	for name, value := range changed {
		if all[name] = value; value == nil {
			delete(all, name)
		}
	}
	out, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestReadTakesFactsThatHaveGrown(t *testing.T) {
	t.Parallel()
	got, err := read(members(t, map[string]any{"jackpot": map[string]any{"won": true}}))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(round(), got); diff != "" {
		t.Errorf("read (-want +got):\n%s", diff)
	}
	if lost, err := read(members(t, map[string]any{"payout": 0})); err != nil || lost.Payout != 0 {
		t.Errorf("a lost round = %+v, %v; want payout 0", lost, err)
	}
}

func TestReadRefusesWhatMakesNoSense(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		data []byte
		code problem.Code
	}{
		"no object":          {[]byte(`[]`), problem.BadJSON},
		"a member twice":     {[]byte(`{"stake":1,"stake":2}`), problem.BadJSON},
		"two values":         {append(members(t, nil), "{}"...), problem.BadJSON},
		"a fraction":         {members(t, map[string]any{"stake": 1.5}), problem.BadJSON},
		"a number as text":   {members(t, map[string]any{"stake": "100"}), problem.BadJSON},
		"beyond 64 bits":     {[]byte(`{"stake":9223372036854775808}`), problem.BadJSON},
		"no id":              {members(t, map[string]any{"round": "x"}), problem.BadJSON},
		"invalid UTF-8":      {[]byte("{\"name\":\"\xff\"}"), problem.BadJSON},
		"round missing":      {members(t, map[string]any{"round": nil}), problem.ParamsInvalid},
		"player missing":     {members(t, map[string]any{"player": nil}), problem.ParamsInvalid},
		"name missing":       {members(t, map[string]any{"name": nil}), problem.ParamsInvalid},
		"name too long":      {members(t, map[string]any{"name": strings.Repeat("ö", maxName+1)}), problem.ParamsInvalid},
		"asset unknown":      {members(t, map[string]any{"asset": "play"}), problem.ParamsInvalid},
		"stake missing":      {members(t, map[string]any{"stake": nil}), problem.ParamsInvalid},
		"stake below zero":   {members(t, map[string]any{"stake": -1}), problem.ParamsInvalid},
		"payout missing":     {members(t, map[string]any{"payout": nil}), problem.ParamsInvalid},
		"staked below stake": {members(t, map[string]any{"staked": 99}), problem.ParamsInvalid},
		"payout below zero":  {members(t, map[string]any{"payout": -1}), problem.ParamsInvalid},
		"settled_at missing": {members(t, map[string]any{"settled_at": nil}), problem.ParamsInvalid},
		"settled_at no time": {members(t, map[string]any{"settled_at": "today"}), problem.BadJSON},
	} {
		_, err := read(test.data)
		var p *problem.Problem
		if !errors.As(err, &p) || p.Code != test.code {
			t.Errorf("%s: error = %v; want %s", name, err, test.code)
		}
	}
}

func TestARoundThatTheSchemaRefusesIsPoison(t *testing.T) {
	t.Parallel()
	db, err := postgres.Open(t.Context(), postgres.Config{URL: pgtest.New(t).URL}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	in := inbox.New(db, Consumer, Types())
	handle := func(changed map[string]any) error {
		e := event.Event{ID: uuid.Must(uuid.NewV7()), Source: event.Source, Type: event.TypeRoundSettled, Data: members(t, changed)}
		_, err := in.Handle(t.Context(), e)
		return err
	}
	huge := map[string]any{"payout": int64(1) << 62}
	if err := handle(huge); err != nil {
		t.Fatal(err)
	}
	for name, changed := range map[string]map[string]any{
		"a sum beyond 64 bits": {"payout": int64(1) << 62, "round": uuid.New()},
		"a name with NUL":      {"name": "a\x00b", "round": uuid.New()},
	} {
		if err := handle(changed); !errors.Is(err, problem.Of(problem.ParamsInvalid, "")) {
			t.Errorf("%s: error = %v; want params_invalid", name, err)
		}
	}
	top, err := leaderboard.Top(t.Context(), db, leaderboard.Board{Period: leaderboard.Daily, By: leaderboard.Net, At: round().SettledAt, Asset: money.Play}, 5)
	if err != nil || len(top) != 1 || top[0].Rounds != 1 {
		t.Errorf("board = %+v, %v; want the one round that fits", top, err)
	}
}

// Whatever a fact holds, it is refused as poison or can go on the board.
func FuzzRead(f *testing.F) {
	f.Add(members(f, nil))
	f.Add(members(f, map[string]any{"payout": nil}))
	f.Add([]byte(`{"stake":1e2}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := read(data)
		if err != nil {
			var p *problem.Problem
			if !errors.As(err, &p) || p.Status >= 500 {
				t.Errorf("error = %v; want a 4xx problem", err)
			}
			return
		}
		if got.Stake <= 0 || got.Payout < 0 || got.Player == uuid.Nil || !got.Asset.Valid() {
			t.Errorf("accepted %+v", got)
		}
	})
}
