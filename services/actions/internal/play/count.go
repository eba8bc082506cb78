package play

import (
	"github.com/vegascore/vegascore/services/actions/internal/games"
	"github.com/vegascore/vegascore/shared/money"
	"github.com/vegascore/vegascore/shared/takings"
)

// Takings hears of each round once its money has moved; *takings.Book does.
type Takings interface {
	Settled(game string, stake, payout money.Amount, prizes []money.Prize)
	Finished(game string, stake, staked, payout money.Amount, theory takings.Return)
}

// Tell has t hear of the rounds from here on. Call it before the first bet; t is
// called concurrently and must not block.
func (d *Desk) Tell(t Takings) { d.takings = t }

// count tells of a round that is over; of none when over is nil. A game of one step says
// what its bet could win, of any other the return of the rules is known.
func (d *Desk) count(over *Round, prizes []money.Prize) {
	if d.takings == nil || over == nil {
		return
	}
	if prizes != nil {
		d.takings.Settled(over.Game, over.Staked, over.Payout, prizes)
		return
	}
	game, err := games.Version(over.Rules)
	if err != nil {
		return // of a release that knows more
	}
	d.takings.Finished(over.Game, over.Stake, over.Staked, over.Payout, takings.Return{Least: game.Return[0], Most: game.Return[1]})
}
