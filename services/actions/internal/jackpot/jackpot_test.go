package jackpot

import (
	"testing"

	"github.com/vegascore/vegascore/shared/fair"
	"github.com/vegascore/vegascore/shared/money"
)

func TestAHundredthOfASlotStakeIsPutIn(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		game        string
		stake, want money.Amount
	}{{"slots", 99, 0}, {"slots", 100, 1}, {"slots", 1_000_000, 10_000}, {"slots", 199, 1}, {"dice", 1_000_000, 0}, {"", 100, 0}} {
		if got := Contribution(tt.game, tt.stake); got != tt.want {
			t.Errorf("%s %d: %d; want %d", tt.game, tt.stake, got, tt.want)
		}
	}
}

func TestTheChanceGrowsWithTheStake(t *testing.T) {
	t.Parallel()
	const rounds = 200_000
	wins := map[money.Amount]int{}
	for nonce := range uint64(rounds) {
		for _, stake := range []money.Amount{-1, 0, 500_000, 1_000_000} {
			if Won(stake, "00", "client", nonce) {
				wins[stake]++
			}
		}
	}
	// 100 and 200 are expected; the seeds are fixed.
	if wins[-1] != 0 || wins[0] != 0 || wins[500_000] < 70 || wins[500_000] > 130 || wins[1_000_000] < 160 || wins[1_000_000] > 240 {
		t.Errorf("wins %v in %d rounds", wins, rounds)
	}
}

// No client seed of a player draws what the jackpot does.
func TestTheDrawIsApart(t *testing.T) {
	t.Parallel()
	if fair.ValidClientSeed("client" + domain) {
		t.Errorf("a player may choose %q", "client"+domain)
	}
}
