package console

import (
	"cmp"
	"math"
	"slices"

	"github.com/vegascore/vegascore/shared/health"
	"github.com/vegascore/vegascore/shared/roster"
	"github.com/vegascore/vegascore/shared/takings"
)

// Container is one that is on the roster.
type Container struct {
	ID       string          `json:"id"`
	Service  string          `json:"service"`
	Revision string          `json:"revision"`
	Document health.Document `json:"document"`
	Crowd    *roster.Crowd   `json:"crowd"` // nil but for realtime
}

func containers(cards []roster.Card) []Container {
	all := make([]Container, len(cards))
	for i, c := range cards {
		all[i] = Container{ID: c.ID, Service: c.Service, Revision: c.Revision, Document: c.Health, Crowd: c.Crowd}
	}
	return all
}

// Game is what one game took and paid: in the settled rounds of the last hour as the
// database has them, and by the books of the containers that run now.
type Game struct {
	Game   string   `json:"game"`
	Rounds int64    `json:"rounds"`
	Stake  int64    `json:"stake"`
	Payout int64    `json:"payout"`
	GGR    int64    `json:"ggr"` // gross gaming revenue: stakes less payouts
	RTP    *float64 `json:"rtp"` // nil without rounds
	Books  *Books   `json:"books"`
}

// Books are the sums of all containers since the start of each, against theory: what
// those very bets should return, and the band in which chance alone leaves it.
type Books struct {
	Bets    uint64  `json:"bets"`
	RTP     float64 `json:"rtp"`
	Theory  float64 `json:"theory"`
	Low     float64 `json:"low"`
	High    float64 `json:"high"`
	Outside bool    `json:"outside"` // chance alone does not explain it
}

// hourly is what the database has of a game.
type hourly struct {
	Game          string
	Rounds        int64
	Stake, Payout int64
}

// games joins what the database and the containers know, by name.
func games(hour []hourly, cards []roster.Card) []Game {
	all := make([]Game, 0, len(hour))
	for _, h := range hour {
		g := Game{Game: h.Game, Rounds: h.Rounds, Stake: h.Stake, Payout: h.Payout, GGR: h.Stake - h.Payout}
		if h.Stake > 0 {
			rtp := float64(h.Payout) / float64(h.Stake)
			g.RTP = &rtp
		}
		all = append(all, g)
	}
	sums := make(map[string]takings.Sums)
	for _, c := range cards {
		for game, s := range c.Games {
			sums[game] = sums[game].Plus(s)
		}
	}
	for game, s := range sums {
		b := s.Band()
		if all := b.RTP + b.Theory + b.Low + b.High; math.IsNaN(all) || math.IsInf(all, 0) {
			continue // JSON has no such numbers, and the rest of the page is to be seen
		}
		books := &Books{Bets: s.Bets, RTP: b.RTP, Theory: b.Theory, Low: b.Low, High: b.High, Outside: b.Outside}
		if i := slices.IndexFunc(all, func(g Game) bool { return g.Game == game }); i >= 0 {
			all[i].Books = books
		} else {
			all = append(all, Game{Game: game, Books: books})
		}
	}
	slices.SortFunc(all, func(a, b Game) int { return cmp.Compare(a.Game, b.Game) })
	return all
}
