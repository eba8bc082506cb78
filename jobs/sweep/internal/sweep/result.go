package sweep

import (
	"encoding/json"
	"io"

	"github.com/google/uuid"

	"github.com/vegascore/vegascore/shared/health"
)

// Exit codes.
const (
	OK        = 0
	Disagrees = 1 // the ledger does not add up
	Usage     = 2 // environment
	Failed    = 3 // a service is not well, a row could not be sent, or a check could not be made
)

// Result is what a run found, and its JSON form what it prints.
type Result struct {
	OK          bool        `json:"ok"`
	Ledger      Ledger      `json:"ledger"`
	Services    []Service   `json:"services"`
	Rounds      Rounds      `json:"rounds"`
	Tournaments Tournaments `json:"tournaments"`
	Outbox      Outbox      `json:"outbox"`
	Pruned      Pruned      `json:"pruned"`
}

// Pass is how much of the ledger is verified.
type Pass string

// The passes. Auto is Full when the last full pass is old, else New.
const (
	Auto Pass = "auto"
	New  Pass = "new" // what came since the last pass
	Full Pass = "full"
)

// Valid reports whether p is one of the three.
func (p Pass) Valid() bool { return p == Auto || p == New || p == Full }

// Ledger is the state of the money. Amounts are in minor units.
type Ledger struct {
	OK        bool        `json:"ok"`
	Pass      Pass        `json:"pass"`      // Full or New
	Imbalance int64       `json:"imbalance"` // accounts and transfers that disagree
	Accounts  int64       `json:"accounts"`  // that were compared
	Transfers int64       `json:"transfers"` // that were verified
	Sum       int64       `json:"sum"`       // over all accounts: 0
	Froze     []uuid.UUID `json:"froze"`     // accounts that this run has frozen
	Frozen    []uuid.UUID `json:"frozen"`    // accounts that are frozen now; 100 at most
	Altered   []uuid.UUID `json:"altered"`   // accounts whose history is not the one verified before
	Unsound   int64       `json:"unsound"`   // transfers that do not sum to zero
	Wrong     []uuid.UUID `json:"wrong"`     // accounts whose balance is not the sum of their transfers
	Negative  int64       `json:"negative"`  // players below 0
	Unknown   int64       `json:"unknown"`   // accounts that only transfers know
	TookMS    int64       `json:"took_ms"`
	Error     string      `json:"error,omitempty"` // why it could not be verified
}

// Service is what one service says of itself.
type Service struct {
	URL     string        `json:"url"`
	OK      bool          `json:"ok"`
	Status  health.Status `json:"status,omitempty"`
	Version string        `json:"version,omitempty"`
	TookMS  int64         `json:"took_ms"`
	Error   string        `json:"error,omitempty"`
}

// Outbox is what the services left behind.
type Outbox struct {
	OK       bool           `json:"ok"`
	Sent     map[string]int `json:"sent"`      // left-over rows that this run sent, by sink
	Unsent   int64          `json:"unsent"`    // rows that are there now, young ones too
	OldestMS int64          `json:"oldest_ms"` // age of the oldest of them
	TookMS   int64          `json:"took_ms"`
	Error    string         `json:"error,omitempty"`
}

// Rounds are those that were open for too long.
type Rounds struct {
	OK      bool   `json:"ok"`
	Settled int64  `json:"settled"` // played to their end
	Voided  int64  `json:"voided"`
	Tables  int64  `json:"tables"` // shared ones that were left, whose round has ended now
	Stuck   int64  `json:"stuck"`  // could be neither
	TookMS  int64  `json:"took_ms"`
	Error   string `json:"error,omitempty"`
}

// Tournaments are those that have ended.
type Tournaments struct {
	OK     bool   `json:"ok"`
	Over   int64  `json:"over"`  // that this run has settled or cancelled
	Paid   int64  `json:"paid"`  // prizes and refunds
	Owed   int64  `json:"owed"`  // prizes and refunds of frozen accounts
	Stuck  int64  `json:"stuck"` // could not be settled
	TookMS int64  `json:"took_ms"`
	Error  string `json:"error,omitempty"`
}

// Pruned is what was old enough to go.
type Pruned struct {
	OK     bool             `json:"ok"`
	Rows   map[string]int64 `json:"rows"` // by kind: keys, steps, guests, outbox, handled, hours
	TookMS int64            `json:"took_ms"`
	Error  string           `json:"error,omitempty"`
}

// Code is the exit code. A ledger that does not add up comes before all else.
func (r Result) Code() int {
	switch {
	case r.OK:
		return OK
	case !r.Ledger.OK && r.Ledger.Error == "":
		return Disagrees
	}
	return Failed
}

// Write prints the result as JSON.
func (r Result) Write(w io.Writer) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(r)
}
