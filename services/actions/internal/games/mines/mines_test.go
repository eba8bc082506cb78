package mines

import (
	"math/big"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vegascore/vegascore/shared/fair"
	"github.com/vegascore/vegascore/shared/money"
)

const (
	serverSeed = "5ff5c610e633b2a91c46d1be1f74286b"
	clientSeed = "854581b6f52eaa86503f1dc6433655f9"
)

func TestMinesMatchThePublishedVectors(t *testing.T) {
	t.Parallel()
	for nonce, want := range [][]int64{{6}, {1, 21}} {
		got := Open(Params{int64(len(want))}, fair.NewStream(serverSeed, clientSeed, uint64(nonce)))
		if diff := cmp.Diff(want, got.Mines); diff != "" {
			t.Errorf("nonce %d (-want +got):\n%s", nonce, diff)
		}
	}
}

func reveal(tile int64) Action { return Action{Reveal, &tile} }

// play takes the actions on a field with two mines, at 1 and 21.
func play(t *testing.T, actions ...Action) (State, error) {
	t.Helper()
	s := Open(Params{2}, fair.NewStream(serverSeed, clientSeed, 1))
	for _, a := range actions {
		if err := a.Check(); err != nil {
			t.Fatal(err)
		}
		next, err := s.Act(a, nil)
		if err != nil {
			return s, err
		}
		s = next
	}
	return s, nil
}

func TestRounds(t *testing.T) {
	t.Parallel()
	out := Action{Action: CashOut}
	for name, test := range map[string]struct {
		actions []Action
		over    bool
		pays    money.Multiplier
		refused bool
		view    View
	}{
		"opened":           {nil, false, 0, false, View{Mines: 2, Revealed: []int64{}}},
		"one safe tile":    {[]Action{reveal(0)}, false, 0, false, View{Mines: 2, Revealed: []int64{0}, Multiplier: 10_760}},
		"cashed out":       {[]Action{reveal(0), reveal(24), out}, true, 11_739, false, View{Mines: 2, Revealed: []int64{0, 24}, Multiplier: 11_739, Over: true, Laid: []int64{1, 21}}},
		"a mine":           {[]Action{reveal(0), reveal(21)}, true, 0, false, View{Mines: 2, Revealed: []int64{0, 21}, Over: true, Laid: []int64{1, 21}}},
		"a mine at once":   {[]Action{reveal(1)}, true, 0, false, View{Mines: 2, Revealed: []int64{1}, Over: true, Laid: []int64{1, 21}}},
		"nothing to cash":  {[]Action{out}, false, 0, true, View{}},
		"a tile again":     {[]Action{reveal(3), reveal(3)}, false, 0, true, View{}},
		"another is fine":  {[]Action{reveal(3), reveal(2)}, false, 0, false, View{Mines: 2, Revealed: []int64{3, 2}, Multiplier: 11_739}},
		"cashed after one": {[]Action{reveal(5), out}, true, 10_760, false, View{Mines: 2, Revealed: []int64{5}, Multiplier: 10_760, Over: true, Laid: []int64{1, 21}}},
	} {
		s, err := play(t, test.actions...)
		if (err != nil) != test.refused {
			t.Errorf("%s: error = %v", name, err)
		}
		if test.refused {
			continue
		}
		if s.Over() != test.over || s.Pays() != test.pays {
			t.Errorf("%s: over = %t, pays %s; want %t, %s", name, s.Over(), s.Pays(), test.over, test.pays)
		}
		if diff := cmp.Diff(test.view, s.View()); diff != "" {
			t.Errorf("%s: view (-want +got):\n%s", name, diff)
		}
	}
}

func TestTheLastSafeTileTakesTheMoney(t *testing.T) {
	t.Parallel()
	for mines := int64(1); mines < tiles; mines++ {
		s := Open(Params{mines}, fair.NewStream(serverSeed, clientSeed, 0))
		laid := make(map[int64]bool)
		for _, m := range s.Mines {
			laid[m] = true
		}
		for tile := range int64(tiles) {
			if laid[tile] {
				continue
			}
			if s.Over() {
				t.Fatalf("%d mines: over before the last safe tile", mines)
			}
			var err error
			if s, err = s.Act(reveal(tile), nil); err != nil {
				t.Fatal(err)
			}
		}
		if !s.CashedOut || s.Pays() != Multiplier(mines, tiles-mines) || int64(len(laid)) != mines {
			t.Errorf("%d mines: %+v pays %s", mines, s, s.Pays())
		}
	}
}

func TestCheckRefuses(t *testing.T) {
	t.Parallel()
	for _, mines := range []int64{-1, 0, 25, 1 << 62} {
		if (Params{mines}).Check() == nil {
			t.Errorf("%d mines are accepted", mines)
		}
	}
	for _, tile := range []int64{-1, 25, 1 << 62} {
		if reveal(tile).Check() == nil {
			t.Errorf("tile %d is accepted", tile)
		}
	}
	zero := int64(0)
	for _, a := range []Action{{}, {Action: Reveal}, {CashOut, &zero}, {Action: "Reveal", Tile: &zero}} {
		if a.Check() == nil {
			t.Errorf("%+v is accepted", a)
		}
	}
}

// The table is the formula: 0.99 x C(25,k) / C(25-m,k), computed here without a bound.
func TestMultipliersAreTheFormulaRoundedDown(t *testing.T) {
	t.Parallel()
	for mines := int64(1); mines < tiles; mines++ {
		for safe := int64(1); safe <= tiles-mines; safe++ {
			want := new(big.Int).Mul(big.NewInt(returned), new(big.Int).Binomial(tiles, safe))
			want.Quo(want, new(big.Int).Binomial(tiles-mines, safe))
			if got := Multiplier(mines, safe); !want.IsInt64() || int64(got) != want.Int64() || got <= money.MultiplierUnit {
				t.Errorf("%d mines, %d safe: %s; want %s, above the stake", mines, safe, got, want)
			}
		}
	}
}
