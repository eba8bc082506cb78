// Package sheet is the form in which the rules of a game are written down as data:
// what is paid for what, and what share of the stakes that gives back.
//
// The hash of a sheet is stored and shown with each version of the rules. Whatever
// could change a round's result, payout or odds stands on the sheet, so that the hash
// changes with it.
package sheet

import "github.com/vegascore/vegascore/shared/money"

// Sheet is one version of a game's rules.
type Sheet struct {
	Rules   string           `json:"rules"` // name and version, such as "dice/1"
	Most    money.Multiplier `json:"most"`  // the most that a round can pay for its first stake
	Returns []Return         `json:"returns"`
	Terms   any              `json:"terms"` // the game's own data: paytables, strips, bets
}

// Return is what one kind of bet gives back in the long run. All figures are exact
// fractions in lowest terms, such as "36/37"; where a kind has many bets, or many
// moments to stop, they are the least and the greatest of all of them.
//
// The return is what a player has on average at the end for each first stake: the
// payout less what was staked beside the first stake, before anything is rounded to
// minor units. A round hits when it pays anything.
type Return struct {
	Bet string `json:"bet"`
	RTP Range  `json:"rtp"`
	Hit Range  `json:"hit"`
}

// Range is the least and the greatest of a figure.
type Range [2]string

// Only is the range of a figure that is the same for all bets of the kind.
func Only(fraction string) Range { return Range{fraction, fraction} }
