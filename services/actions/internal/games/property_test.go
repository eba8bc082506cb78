package games

import (
	"bytes"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/vegascore/vegascore/shared/fair"
	"github.com/vegascore/vegascore/shared/money"
	"github.com/vegascore/vegascore/shared/problem"
)

// mostStaked is the largest stake in multiples of the first that any game asks for: a split,
// both hands doubled, and insurance.
const mostStaked = 45_000

func is(err error, code problem.Code) bool { return errors.Is(err, problem.New(0, code, "")) }

// No sequence of actions panics; what is refused is a problem with a code and changes
// nothing; stakes only grow and payouts stay within the sheet's bound; a replay of what
// was taken gives the same round.
func TestAnySequenceOfActions(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		g := rapid.SampledFrom(Versions()).Draw(t, "game")
		s := samples[g.Name]
		move, err := g.Read([]byte(rapid.SampledFrom(s.params).Draw(t, "params")))
		if err != nil {
			t.Fatal(err)
		}
		client, nonce := rapid.StringMatching(`[a-z]{1,8}`).Draw(t, "client"), rapid.Uint64().Draw(t, "nonce")
		stream := func() fair.Draws { return fair.NewStream("00", client, nonce) }
		draws := stream()
		p := played{params: move.Params}
		if p.round, err = move.Open(draws); err != nil {
			t.Fatal(err)
		}
		within(t, g, Round{Staked: money.MultiplierUnit}, p.round)
		for range rapid.IntRange(0, 40).Draw(t, "actions") {
			if !g.Steps {
				break
			}
			action, err := g.Action([]byte(rapid.SampledFrom(s.actions).Draw(t, "action")))
			if err != nil {
				t.Fatal(err)
			}
			before := append([]byte(nil), p.round.State...)
			after, err := p.round.Act(action, draws)
			switch {
			case p.round.Over && !is(err, problem.RoundOver):
				t.Fatalf("%s: %s after the end: error = %v", g.Rules, action.Text, err)
			case p.round.Over:
			case err != nil && !is(err, problem.ActionRefused):
				t.Fatalf("%s: %s: error = %v", g.Rules, action.Text, err)
			case err == nil:
				within(t, g, p.round, after)
				p.round, p.actions = after, append(p.actions, action.Text)
			}
			if err != nil && !bytes.Equal(before, p.round.State) {
				t.Fatalf("%s: %s was refused and changed the state", g.Rules, action.Text)
			}
		}
		again, err := g.Replay(p.params, p.actions, stream())
		if err != nil {
			t.Fatalf("%s: replay: %v", g.Rules, err)
		}
		if diff := cmp.Diff(p.round, again, cmpopts.IgnoreUnexported(Round{})); diff != "" {
			t.Fatalf("%s: the replay differs (-played +replayed):\n%s", g.Rules, diff)
		}
		abandon(t, g, p, draws)
	})
}

// abandon leaves a round alone: idle actions bring it to its end at no cost, or nothing
// has happened in it.
func abandon(t *rapid.T, g Game, p played, draws fair.Draws) {
	for r := p.round; ; {
		idle, ok, err := r.Idle()
		switch {
		case err != nil:
			t.Fatalf("%s: idle: %v", g.Rules, err)
		case r.Over && ok:
			t.Fatalf("%s: %s is left to do after the end", g.Rules, idle.Text)
		case !ok && !r.Over && len(p.actions) > 0:
			t.Fatalf("%s: nothing ends the round after %s", g.Rules, p.actions)
		case !ok:
			return
		}
		known, err := g.Action(idle.Text)
		if err != nil || !bytes.Equal(known.Text, idle.Text) {
			t.Fatalf("%s: idle action %s is read as %s, %v", g.Rules, idle.Text, known.Text, err)
		}
		after, err := r.Act(idle, draws)
		if err != nil || after.Staked != r.Staked {
			t.Fatalf("%s: idle action %s: %v, staked %s after %s", g.Rules, idle.Text, err, after.Staked, r.Staked)
		}
		r = after
	}
}

// within checks what a step may do.
func within(t *rapid.T, g Game, before, after Round) {
	switch {
	case after.Staked < before.Staked || after.Staked > mostStaked || after.Staked < money.MultiplierUnit:
		t.Fatalf("%s: staked %s after %s", g.Rules, after.Staked, before.Staked)
	case after.Pays < 0 || after.Pays > g.Most || !after.Over && after.Pays != 0:
		t.Fatalf("%s: pays %s, over = %t", g.Rules, after.Pays, after.Over)
	case len(after.State) == 0 || len(after.View) == 0:
		t.Fatalf("%s: a step without state or view", g.Rules)
	}
}

func TestStepsAreRefusedInWords(t *testing.T) {
	t.Parallel()
	for game, actions := range map[string]map[string]problem.Code{
		"dice":      {`{"action":"roll"}`: problem.ActionInvalid, `{}`: problem.ActionInvalid},
		"roulette":  {`{"action":"spin"}`: problem.ActionInvalid},
		"mines":     {`{"action":"cash_out"}`: problem.ActionRefused, `{"action":"reveal"}`: problem.ActionInvalid, `{"action":"reveal","tile":25}`: problem.ActionInvalid, `{"action":"reveal","tile":"3"}`: problem.WrongType, `{"action":"reveal","tile":3,"mines":[]}`: problem.UnknownField},
		"blackjack": {`{"action":"insure"}`: problem.ActionRefused, `{"action":"surrender"}`: problem.ActionInvalid, `{"Action":"hit"}`: problem.UnknownField, `{"action":"hit","action":"hit"}`: problem.DuplicateField},
		"slots":     {`{"action":"stop"}`: problem.ActionInvalid, `{}`: problem.MissingField, `null`: problem.WrongType},
		"crash":     {`{"action":"cash_out"}`: problem.ActionInvalid, `{"action":"cash_out","at_ms":1}`: problem.ActionRefused, `{"action":"cash_out","at_ms":1e3}`: problem.WrongType},
	} {
		g, err := Find(game)
		if err != nil {
			t.Fatal(err)
		}
		for text, want := range actions {
			action, err := g.Action([]byte(text))
			if err == nil {
				move, openErr := g.Read([]byte(samples[game].params[0]))
				round, roundErr := move.Open(fair.NewStream("28ca8b5734401f5236ccb305e4526d07", "b42fa130a68dfe8133fa268d5fb34cbe", 0))
				if openErr != nil || roundErr != nil || round.Over {
					t.Fatalf("%s: %v, %v, over = %t", game, openErr, roundErr, round.Over)
				}
				_, err = round.Act(action, nil)
			}
			if !is(err, want) {
				t.Errorf("%s: %s: error = %v; want %s", game, text, err, want)
			}
		}
	}
}

// The steps of a round together cost what is staked, and a stake of one unit is never
// raised for nothing.
func TestWhatStepsCost(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		stake         money.Amount
		before, after money.Multiplier
		want          money.Amount
	}{
		{100, 10_000, 10_000, 0}, {100, 10_000, 20_000, 100}, {100, 10_000, 15_000, 50}, {100, 0, 10_000, 100},
		{1, 10_000, 15_000, 1}, {3, 10_000, 15_000, 2}, {3, 15_000, 25_000, 3}, {1, 15_000, 25_000, 1},
	} {
		if got, err := (Round{Staked: test.after}).Cost(test.stake, test.before); got != test.want || err != nil {
			t.Errorf("from %s to %s of %d costs %d, %v; want %d", test.before, test.after, test.stake, got, err, test.want)
		}
	}
	if _, err := (Round{Staked: 20_000}).Cost(1<<62, 10_000); !errors.Is(err, money.ErrOverflow) {
		t.Errorf("a stake that does not fit: error = %v", err)
	}
}

func TestAnActionOfAnotherGameIsNotTaken(t *testing.T) {
	t.Parallel()
	slots, mines := all.played["slots"], all.played["mines"]
	action, err := slots.Action([]byte(`{"action":"spin"}`))
	if err != nil {
		t.Fatal(err)
	}
	move, err := mines.Read([]byte(`{"mines":3}`))
	if err != nil {
		t.Fatal(err)
	}
	round, err := move.Open(fair.NewStream("00", "client", 0))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := round.Act(action, nil); err == nil {
		t.Error("mines takes an action of slots")
	}
	if _, err := move.Play(fair.NewStream("00", "client", 0)); err == nil {
		t.Error("mines is played in one step")
	}
}

// Everybody at a shared table sees what the table drew.
func TestASharedDrawIsThatOfEveryBet(t *testing.T) {
	t.Parallel()
	draw, _, err := all.played["roulette"].Draw(fair.NewStream("f7b51b19a4563681f2c1e00ef747884a", "94ffb08138facf8cffa9c376d703aaed", 0))
	if want := `{"pocket":33,"colour":"black"}`; err != nil || string(draw) != want {
		t.Errorf("draw = %s, %v; want %s", draw, err, want)
	}
	for params, want := range map[string]string{
		`{"bet":"black"}`:                       `{"pocket":33,"colour":"black","win":true,"multiplier":"2.0000"}`,
		`{"bet":"split","numbers":[33,36]}`:     `{"pocket":33,"colour":"black","win":true,"multiplier":"18.0000"}`,
		`{"bet":"red"}`:                         `{"pocket":33,"colour":"black","win":false,"multiplier":"2.0000"}`,
		` { "numbers":[ 33 ],"bet":"straight"}`: `{"pocket":33,"colour":"black","win":true,"multiplier":"36.0000"}`,
	} {
		got, err := all.played["roulette"].Replay([]byte(params), nil, fair.NewStream("f7b51b19a4563681f2c1e00ef747884a", "94ffb08138facf8cffa9c376d703aaed", 0))
		if err != nil || string(got.View) != want {
			t.Errorf("%s = %s, %v; want %s", params, got.View, err, want)
		}
	}
	if _, _, err := all.played["dice"].Draw(fair.NewStream("00", "client", 0)); err == nil {
		t.Error("dice has a draw of a table")
	}
}

// What may not be seen while a round is open is in no view of it.
func TestNoViewOfAnOpenRoundShowsWhatIsHidden(t *testing.T) {
	t.Parallel()
	for game, hidden := range map[string]string{"mines": `"laid"`, "crash": `"bust"`, "blackjack": `2c`} {
		g := all.played[game]
		move, err := g.Read([]byte(samples[game].params[0]))
		if err != nil {
			t.Fatal(err)
		}
		r, err := move.Open(fair.NewStream("28ca8b5734401f5236ccb305e4526d07", "b42fa130a68dfe8133fa268d5fb34cbe", 0))
		if err != nil || r.Over || bytes.Contains(r.View, []byte(hidden)) || bytes.Equal(r.View, r.State) {
			t.Errorf("%s: the view is %s, over = %t, %v; it must not hold %s", game, r.View, r.Over, err, hidden)
		}
	}
}

func FuzzAction(f *testing.F) {
	for _, s := range samples {
		for _, a := range s.actions {
			f.Add([]byte(a))
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, g := range Versions() {
			action, err := g.Action(text)
			if err != nil {
				continue
			}
			again, err := g.Action(action.Text)
			if err != nil || !bytes.Equal(again.Text, action.Text) {
				t.Errorf("%s: %q reads as %q, which reads as %q, %v", g.Rules, text, action.Text, again.Text, err)
			}
			for _, params := range samples[g.Name].params {
				move, err := g.Read([]byte(params))
				if err != nil {
					t.Fatal(err)
				}
				draws := fair.NewStream("00", "client", 0)
				if r, err := move.Open(draws); err == nil && !r.Over {
					if _, err := r.Act(action, draws); err != nil && !is(err, problem.ActionRefused) {
						t.Errorf("%s: %q: error = %v", g.Rules, text, err)
					}
				}
			}
		}
	})
}
