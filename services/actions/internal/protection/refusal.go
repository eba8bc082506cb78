package protection

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/vegascore/vegascore/shared/problem"
)

// refusedState is the SQLSTATE with which a statement says that the player may not stake.
const refusedState = "VC403"

// refusal is what play_refusal says.
type refusal struct {
	Code     problem.Code `json:"code"`
	Limit    Kind         `json:"limit"`
	Window   Window       `json:"window"`
	ResetsAt *time.Time   `json:"resets_at"`
	Self     bool         `json:"self"`
	Until    *time.Time   `json:"until"`
}

// Refusal returns the problem limit_reached or excluded that the text of play_refusal stands
// for, or an error that is none.
func Refusal(text string) error {
	var r refusal
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		return fmt.Errorf("read refusal: %w", err)
	}
	switch {
	case r.Code == problem.LimitReached:
		detail := "There is no room for this until then."
		if r.ResetsAt == nil {
			detail = "This is more than the whole limit."
		}
		return problem.Of(problem.LimitReached, "The %s limit for %s is reached. %s", r.Limit, r.Window, detail).
			With("limit", r.Limit).With("window", r.Window).With("resets_at", inUTC(r.ResetsAt))
	case r.Code == problem.Excluded && r.Until == nil:
		return problem.Of(problem.Excluded, "The self-exclusion has ended. Ask to play again; that takes 24 hours.").With("until", nil)
	case r.Code == problem.Excluded && r.Self:
		return problem.Of(problem.Excluded, "You are self-excluded.").With("until", inUTC(r.Until))
	case r.Code == problem.Excluded:
		return problem.Of(problem.Excluded, "You take a time-out.").With("until", inUTC(r.Until))
	}
	return fmt.Errorf("read refusal: code %q", r.Code)
}

// Refused returns the problem that a statement has raised, if err is that.
func Refused(err error) (refusal error, ok bool) {
	pg, ok := errors.AsType[*pgconn.PgError](err)
	if !ok || pg.Code != refusedState {
		return nil, false
	}
	return Refusal(pg.Detail), true
}

// inUTC rounds up to the second, so that nobody comes too early.
func inUTC(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	up := t.Add(time.Second - time.Nanosecond).Truncate(time.Second).UTC()
	return &up
}
