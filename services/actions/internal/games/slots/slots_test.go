package slots

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vegascore/vegascore/shared/money"
)

// stack draws the numbers of a list.
type stack struct {
	t     *testing.T
	stops []uint64
}

func (s *stack) Intn(n uint64) uint64 {
	if n != stops || len(s.stops) == 0 {
		s.t.Fatalf("a draw from %d with %d left", n, len(s.stops))
	}
	next := s.stops[0]
	s.stops = s.stops[1:]
	return next
}

// at finds the stop that shows a run of symbols on a reel, from the top row.
func at(t *testing.T, reel int, run string) uint64 {
	t.Helper()
	i := strings.Index(strips[reel]+strips[reel][:rows], run)
	if i < 0 {
		t.Fatalf("reel %d never shows %s", reel, run)
	}
	return uint64(i)
}

func TestStripsHaveTheirSymbols(t *testing.T) {
	t.Parallel()
	known := string(rune(wild)) + string(rune(star))
	for _, s := range symbols {
		known += s.Letter
	}
	for reel, strip := range strips {
		if len(strip) != stops || strings.Trim(strip, known) != "" {
			t.Errorf("reel %d is %q; want %d of %q", reel, strip, stops, known)
		}
		if strings.Count(strip, string(rune(star))) != 1 {
			t.Errorf("reel %d has not one star: more would show in one window", reel)
		}
		if outer := reel == 0 || reel == reels-1; strings.Contains(strip, string(rune(wild))) == outer {
			t.Errorf("reel %d: wilds are on the three reels in the middle", reel)
		}
	}
}

func TestLinesPayFromTheLeft(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		middle string // the middle row, which is the first line
		want   int64
	}{
		"five of a kind":          {"CCCCC", 1500},
		"four":                    {"AAAAB", 150},
		"three":                   {"RRRBR", 6},
		"two are nothing":         {"CCBCC", 0},
		"not from the left":       {"BCCCC", 0},
		"a wild in between":       {"LWLLS", 50},
		"wilds only in between":   {"MWWWB", 80},
		"wilds all through":       {"BWWWB", 80},
		"a wild stands for none":  {"BWSSS", 0},
		"stars are no line":       {"*****", 0},
		"a wild is no star":       {"*W*W*", 0},
		"the wild ends with four": {"SSWWR", 20},
	} {
		var seen [reels][rows]byte
		for reel := range seen {
			seen[reel] = [rows]byte{'x', test.middle[reel], 'x'}
		}
		if got := along(&seen, &lines[0]); got != test.want {
			t.Errorf("%s: %s pays %d; want %d", name, test.middle, got, test.want)
		}
	}
}

func TestStarsBringFreeSpinsThatPayTwice(t *testing.T) {
	t.Parallel()
	for stars, want := range map[int]feature{2: {}, 3: features[0], 4: features[1], 5: features[2]} {
		draws := &stack{t: t}
		for reel := range reels {
			stop := at(t, reel, "*")
			if reel < reels-stars {
				stop = (stop + 5) % stops
			}
			draws.stops = append(draws.stops, stop)
		}
		again := append([]uint64(nil), draws.stops...)
		s := Open(Params{}, draws)
		if s.Free != want.Free || s.Over() != (want.Free == 0) {
			t.Fatalf("%d stars: %d free spins; want %d", stars, s.Free, want.Free)
		}
		first := s.Spins[0].Pays
		if least := money.MultiplierUnit * money.Multiplier(want.Pays); first < least {
			t.Errorf("%d stars pay %s; want at least %s", stars, first, least)
		}
		for left := want.Free; left > 0; left-- {
			if s.Over() || s.Free != left {
				t.Fatalf("%d stars: %+v; want %d free spins", stars, s, left)
			}
			draws.stops = append([]uint64(nil), again...) // stars again: they bring no more free spins
			next, err := s.Act(Action{SpinOn}, draws)
			if err != nil {
				t.Fatal(err)
			}
			if len(s.Spins) != len(next.Spins)-1 {
				t.Fatal("a spin changed the state before it")
			}
			s = next
		}
		if got, want := s.Pays(), first*money.Multiplier(1+freePays*want.Free); !s.Over() || got != want {
			t.Errorf("%d stars: the round pays %s; want %s", stars, got, want)
		}
	}
}

func TestTheViewShowsTheRows(t *testing.T) {
	t.Parallel()
	s := Open(Params{}, &stack{t, []uint64{0, 0, 0, 0, 21}})
	got, ok := s.View().(View)
	want := [rows]string{
		strips[0][0:1] + strips[1][0:1] + strips[2][0:1] + strips[3][0:1] + strips[4][21:],
		strips[0][1:2] + strips[1][1:2] + strips[2][1:2] + strips[3][1:2] + strips[4][0:1],
		strips[0][2:3] + strips[1][2:3] + strips[2][2:3] + strips[3][2:3] + strips[4][1:2],
	}
	if diff := cmp.Diff(want, got.Spins[0].Rows); diff != "" || !ok {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

func TestCheckRefuses(t *testing.T) {
	t.Parallel()
	for _, action := range []string{"", "Spin", "spin ", "stop"} {
		if (Action{action}).Check() == nil {
			t.Errorf("%q is accepted", action)
		}
	}
}
