package money

// Asset is the code of what is counted: 3 to 8 capital letters. Amounts of
// different assets are never added or exchanged.
type Asset string

// Play is play money, the only asset so far. It has no value outside the house.
const Play Asset = "PLAY"

// Valid reports whether the code has the right form. It does not say that the
// asset has accounts.
func (a Asset) Valid() bool {
	if len(a) < 3 || len(a) > 8 {
		return false
	}
	for _, c := range []byte(a) {
		if c < 'A' || c > 'Z' {
			return false
		}
	}
	return true
}
