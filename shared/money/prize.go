package money

// Prize is one way in which a bet may end: what it pays and how likely that is.
type Prize struct {
	Pays   Multiplier
	Chance float64 // 0 to 1
}
