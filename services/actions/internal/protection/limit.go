package protection

import (
	"fmt"
	"time"

	"github.com/vegascore/vegascore/shared/problem"
)

// Kind is what a limit limits.
type Kind string

// The kinds of limits. Stakes count when the money leaves the account, also while a round
// is open. A loss is what was staked without what was paid. A session is time between bets
// that are less than 15 minutes apart.
const (
	Stake   Kind = "stake"
	Loss    Kind = "loss"
	Session Kind = "session"
)

// Window is how long a limit looks back.
type Window string

// The windows of limits.
const (
	Day   Window = "24h"
	Week  Window = "7d"
	Month Window = "30d"
)

var lengths = map[Window]time.Duration{Day: 24 * time.Hour, Week: 7 * 24 * time.Hour, Month: 30 * 24 * time.Hour}

// Limit is the most of a kind in any window. Amount is in minor units, of a session in
// seconds.
type Limit struct {
	Kind   Kind   `json:"limit"`
	Window Window `json:"window"`
	Amount int64  `json:"amount"`
}

// Bounds of amounts.
const (
	maxAmount    = 1_000_000_000_000_000 // minor units, below 2^53
	leastSession = 60                    // seconds
)

// check returns the problem limits_invalid for a limit that cannot be.
func (l Limit) check() error {
	length, ok := lengths[l.Window]
	if !ok {
		return problem.Of(problem.LimitsInvalid, "A window is 24h, 7d or 30d.")
	}
	least, most := int64(1), int64(maxAmount)
	switch l.Kind {
	case Stake, Loss:
	case Session:
		least, most = leastSession, int64(length/time.Second)
	default:
		return problem.Of(problem.LimitsInvalid, "A limit is stake, loss or session.")
	}
	if l.Amount < least || l.Amount > most {
		return problem.Of(problem.LimitsInvalid, "The amount of a %s limit for %s is %d to %d.", l.Kind, l.Window, least, most)
	}
	return nil
}

// checkSet returns the problem limits_invalid for limits that cannot be together.
func checkSet(limits []Limit) error {
	seen := make(map[string]bool, len(limits))
	for _, l := range limits {
		if err := l.check(); err != nil {
			return err
		}
		name := fmt.Sprintf("%s per %s", l.Kind, l.Window)
		if seen[name] {
			return problem.Of(problem.LimitsInvalid, "There are two limits of %s.", name)
		}
		seen[name] = true
	}
	return nil
}
