package takings

import "math"

// doubt is the chance that a fair game is outside of its band at one look. Looks are
// many, so it is small.
const doubt = 1e-6

// Sums are those of one game since some moment. Amounts are in minor units.
type Sums struct {
	Bets     uint64  `json:"bets"`
	Staked   float64 `json:"staked"`
	Paid     float64 `json:"paid"`
	Expected float64 `json:"expected"` // payout by theory
	Variance float64 `json:"variance"` // of the payout by theory, minor units squared
	Farthest float64 `json:"farthest"` // that one payout may be from its expectation
	Skill    float64 `json:"skill"`    // how much of Expected depends on how the players play
}

// Plus adds the sums of another container.
func (s Sums) Plus(o Sums) Sums {
	return Sums{
		Bets: s.Bets + o.Bets, Staked: s.Staked + o.Staked, Paid: s.Paid + o.Paid,
		Expected: s.Expected + o.Expected, Variance: s.Variance + o.Variance, Farthest: max(s.Farthest, o.Farthest), Skill: s.Skill + o.Skill,
	}
}

// Band is where chance alone leaves the return to player. All are shares of the stakes,
// and NaN before the first bet.
type Band struct {
	RTP, Theory, Low, High float64
	Outside                bool // RTP is not in the band
}

// Band is Bernstein's inequality for sums of bounded terms, which holds for a
// martingale too (Freedman 1975): with T the expected payout of all bets, V the sum of
// their variances, and M the farthest that one payout may be from its expectation,
//
//	P(|paid - T| >= t) <= 2 exp(-t^2 / 2(V + Mt/3))
//
// so it needs no number of bets to be true, and players may choose a stake by what
// happened before. It is wide while few bets were made, or while one large bet makes up
// most of the money.
//
// Where the players' skill counts, Theory is what the best play returns, and the band
// reaches down to what the worst may.
func (s Sums) Band() Band {
	l := math.Log(2 / doubt)
	a := s.Farthest * l / 3
	t := a + math.Sqrt(a*a+2*s.Variance*l)
	return Band{
		RTP: s.Paid / s.Staked, Theory: s.Expected / s.Staked,
		Low: max(0, s.Expected-s.Skill-t) / s.Staked, High: (s.Expected + t) / s.Staked,
		Outside: s.Paid > s.Expected+t || s.Paid < s.Expected-s.Skill-t,
	}
}
