package protection

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// Maxima are the house's own limits, which hold for every player beside the player's.
type Maxima []Limit

// UnmarshalText reads maxima as configuration has them: stake/24h=100000,session/7d=72000.
func (m *Maxima) UnmarshalText(text []byte) error {
	var all Maxima
	for part := range strings.SplitSeq(string(text), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		kind, window, _ := strings.Cut(name, "/")
		amount, err := strconv.ParseInt(value, 10, 64)
		if err != nil {
			return fmt.Errorf("limit %q: must be like stake/24h=100000", part)
		}
		all = append(all, Limit{Kind: Kind(kind), Window: Window(window), Amount: amount})
	}
	if err := checkSet(all); err != nil {
		return err
	}
	*m = all
	return nil
}

// Setting is the text that the transaction of a bet gives to the database as play.maxima;
// empty when there are none.
func (m Maxima) Setting() string {
	if len(m) == 0 {
		return ""
	}
	text, err := json.Marshal(m)
	if err != nil { // cannot happen: texts and numbers
		return ""
	}
	return string(text)
}
