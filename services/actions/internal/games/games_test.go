package games

import (
	"errors"
	"math"
	"testing"

	"github.com/vegascore/vegascore/shared/fair"
	"github.com/vegascore/vegascore/shared/money"
	"github.com/vegascore/vegascore/shared/problem"
)

func TestAMoveIsReadAndPlayed(t *testing.T) {
	t.Parallel()
	dice, err := Find("dice")
	if err != nil {
		t.Fatal(err)
	}
	move, err := dice.Read([]byte(` { "target":5000, "direction" : "under" } `))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(move.Params), `{"direction":"under","target":5000}`; got != want {
		t.Errorf("params = %s; want %s", got, want)
	}
	draws := fair.NewStream("f2ac89b608eeb01312d115bce6741b32", "86ff027f15c48241af7f54a726690ee7", 0)
	got, err := move.Play(draws)
	if want := `{"roll":2807,"win":true,"multiplier":"1.9801"}`; err != nil || string(got.Outcome) != want || got.Pays != 19_801 {
		t.Errorf("result = %s paying %s, %v; want %s", got.Outcome, got.Pays, err, want)
	}
}

func TestWhatIsNotAMove(t *testing.T) {
	t.Parallel()
	dice, err := Find("dice")
	if err != nil {
		t.Fatal(err)
	}
	for params, want := range map[string]problem.Code{
		`{"direction":"under","target":5000,"roll":1}`:        problem.UnknownField,
		`{"direction":"under","direction":"over","target":1}`: problem.DuplicateField,
		`{"direction":"under"}`:                               problem.MissingField,
		`{"Direction":"under","target":5000}`:                 problem.UnknownField,
		`{"direction":"under","target":50.5}`:                 problem.WrongType,
		`{"direction":"under","target":5e3}`:                  problem.WrongType,
		`{"direction":"under","target":"5000"}`:               problem.WrongType,
		`{"direction":"under","target":null}`:                 problem.WrongType,
		`{"direction":"under","target":9223372036854775808}`:  problem.WrongType,
		`[]`:                                  problem.WrongType,
		`null`:                                problem.WrongType,
		`{"direction":"under","target":0}`:    problem.ParamsInvalid,
		`{"direction":"up","target":5000}`:    problem.ParamsInvalid,
		`{"direction":"over","target":10000}`: problem.ParamsInvalid,
	} {
		if _, err := dice.Read([]byte(params)); !errors.Is(err, problem.New(0, want, "")) {
			t.Errorf("%s: error = %v; want %s", params, err, want)
		}
	}
}

func TestTables(t *testing.T) {
	t.Parallel()
	if _, err := Find("baccarat"); !errors.Is(err, problem.New(0, problem.UnknownGame, "")) {
		t.Errorf("unknown game: error = %v", err)
	}
	for _, id := range []string{"", "dice-0", "dice-9", "DICE-1", "dice-01"} {
		if _, err := TableOf("dice", id); !errors.Is(err, problem.New(0, problem.UnknownTable, "")) {
			t.Errorf("table %q: error = %v", id, err)
		}
	}
	if _, err := TableOf("roulette", "dice-1"); !errors.Is(err, problem.New(0, problem.UnknownTable, "")) {
		t.Errorf("another game's table: error = %v", err)
	}
	table, err := TableOf("dice", "dice-1")
	if err != nil {
		t.Fatal(err)
	}
	for stake, ok := range map[int64]bool{-1: false, 0: false, 1: true, 1_000_000: true, 1_000_001: false} {
		if err := table.Accepts(money.Amount(stake)); (err == nil) != ok {
			t.Errorf("stake %d: error = %v; accepted should be %t", stake, err, ok)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(`{"direction":"under","target":5000}`))
	f.Add([]byte(`{"direction":"over","target":1e3}`))
	for _, s := range samples {
		for _, params := range s.params {
			f.Add([]byte(params))
		}
	}
	f.Fuzz(func(t *testing.T, params []byte) {
		for _, game := range all.list {
			move, err := game.Read(params)
			if err != nil {
				continue
			}
			again, err := game.Read(move.Params)
			if err != nil || string(again.Params) != string(move.Params) {
				t.Errorf("%s: %q reads as %q, which reads as %q, %v", game.Name, params, move.Params, again.Params, err)
			}
			if _, err := move.Open(fair.NewStream("00", "client", 0)); err != nil {
				t.Errorf("%s: %q cannot be played: %v", game.Name, move.Params, err)
			}
		}
	})
}

func TestTheReturnOfAGameIsThatOfItsSheet(t *testing.T) {
	t.Parallel()
	for name, want := range map[string][2]float64{
		"dice": {.98990233, .99}, "plinko": {.981112, .990736}, "slots": {.964643, .964643}, "mines": {.989920, .99},
		"blackjack": {0, .99429612}, "roulette": {36. / 37, 36. / 37}, "crash": {.989977, .99},
	} {
		g, err := Find(name)
		if err != nil {
			t.Fatal(err)
		}
		for i := range want {
			if math.Abs(g.Return[i]-want[i]) > 1e-6 {
				t.Errorf("%s: %v; want %v", name, g.Return, want)
			}
		}
	}
}
