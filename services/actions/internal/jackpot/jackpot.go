// Package jackpot is the rules of the house's jackpot: which rounds take part, what the
// house puts in for them, and which of them win all that is in. That a round wins is a
// function of its seeds, nonce and stake, as its outcome is; how much, is what the
// account of the jackpot holds at that moment.
package jackpot

import (
	"github.com/vegascore/vegascore/services/actions/internal/games/slots"
	"github.com/vegascore/vegascore/shared/fair"
	"github.com/vegascore/vegascore/shared/money"
)

// Rules is the version; it changes with anything that could change who wins.
const Rules = "jackpot/1"

const (
	// share is the part of a stake that is put in: one hundredth. The game's own return
	// stays as it is; the house pays.
	share = 100
	// chances is the number of results of the draw, of which a stake's number of minor
	// units win: a million staked wins once in a thousand rounds.
	chances = 1_000_000_000
	// domain is the end of the client seed of the draw. No player may choose it, so the draw
	// is apart from those of the round.
	domain = "/jackpot"
)

// Contribution is what is put in for a round with this first stake; 0 says that the round
// does not take part.
func Contribution(game string, stake money.Amount) money.Amount {
	if game != slots.Name {
		return 0
	}
	return stake / share
}

// Won reports whether a round that takes part wins.
func Won(stake money.Amount, serverSeed, clientSeed string, nonce uint64) bool {
	return fair.NewStream(serverSeed, clientSeed+domain, nonce).Intn(chances) < uint64(max(stake, 0))
}
