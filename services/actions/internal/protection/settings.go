package protection

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/vegascore/vegascore/shared/postgres"
	"github.com/vegascore/vegascore/shared/problem"
)

// Pending is what a limit will be: a higher amount, or none (nil).
type Pending struct {
	Amount *int64    `json:"amount"`
	At     time.Time `json:"at"`
}

// Current is a limit as it is now.
type Current struct {
	Limit
	Pending *Pending `json:"pending"` // nil when nothing waits
}

// Settings are all that protects a player now. Times that have passed are nil.
type Settings struct {
	Limits       []Current  `json:"limits"`
	CheckMinutes int        `json:"reality_check_minutes"`
	TimeOut      *time.Time `json:"time_out_until"`
	Exclusion    *Exclusion `json:"self_exclusion"`
}

// Exclusion is a self-exclusion. It goes on after Until until the player has asked to play
// again, and then until Returns.
type Exclusion struct {
	Until   time.Time  `json:"until"`
	Returns *time.Time `json:"returns_at"`
}

// Bounds of what a player may ask for.
const (
	DefaultCheck = 60 // minutes between reality checks
	leastCheck   = 15
	mostCheck    = 120
	leastTimeOut = 24 // hours
	mostTimeOut  = 6 * 7 * 24
	leastExclude = 6 // months
	mostExclude  = 120
)

// ErrUnknown says that there is no such player.
var ErrUnknown = errors.New("unknown player")

// Querier reads rows: a pool, a connection or a transaction.
type Querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// Get returns the settings of a player; the defaults of a player who never asked for any.
func Get(ctx context.Context, q Querier, player uuid.UUID) (Settings, error) {
	const read = `
		SELECT p.check_minutes, CASE WHEN p.timeout_until > now() THEN p.timeout_until END,
		       CASE WHEN p.returns_at IS NULL OR p.returns_at > now() THEN p.excluded_until END, p.returns_at
		FROM player_protection p WHERE p.player_id = $1`
	const limits = `
		SELECT kind, span, CASE WHEN pending_at <= now() THEN pending_amount ELSE amount END,
		       CASE WHEN pending_at > now() THEN pending_amount END, CASE WHEN pending_at > now() THEN pending_at END
		FROM player_limits WHERE player_id = $1 AND (pending_at IS NULL OR pending_at > now() OR pending_amount IS NOT NULL)
		ORDER BY kind DESC, limit_length(span)`
	s := Settings{Limits: []Current{}, CheckMinutes: DefaultCheck}
	var timeOut, excluded, returns pgtype.Timestamptz
	err := q.QueryRow(ctx, read, player).Scan(&s.CheckMinutes, &timeOut, &excluded, &returns)
	if errors.Is(err, pgx.ErrNoRows) {
		return s, nil
	}
	if err == nil {
		s.TimeOut = moment(timeOut)
		if until := moment(excluded); until != nil {
			s.Exclusion = &Exclusion{Until: *until, Returns: moment(returns)}
		}
		var rows pgx.Rows
		if rows, err = q.Query(ctx, limits, player); err == nil {
			s.Limits, err = pgx.AppendRows(s.Limits, rows, scanLimit)
		}
	}
	if err != nil {
		return Settings{}, fmt.Errorf("read protection of player %s: %w", player, postgres.Problem(err))
	}
	return s, nil
}

func scanLimit(row pgx.CollectableRow) (Current, error) {
	var c Current
	var pending pgtype.Int8
	var at pgtype.Timestamptz
	err := row.Scan((*string)(&c.Kind), (*string)(&c.Window), &c.Amount, &pending, &at)
	if at.Valid {
		c.Pending = &Pending{At: at.Time.UTC()}
		if pending.Valid {
			c.Pending.Amount = &pending.Int64
		}
	}
	return c, err
}

// moment is a time in UTC, nil for NULL.
func moment(t pgtype.Timestamptz) *time.Time {
	if !t.Valid {
		return nil
	}
	at := t.Time.UTC()
	return &at
}

// SetLimits makes limits all that the player has, and tells of reality checks every
// checkMinutes minutes of play. What is lower holds at once; what is higher, or is no
// longer there, in 24 hours. It returns the problem limits_invalid, and ErrUnknown.
func SetLimits(ctx context.Context, q Querier, player uuid.UUID, limits []Limit, checkMinutes int) error {
	if err := checkSet(limits); err != nil {
		return err
	}
	if checkMinutes < leastCheck || checkMinutes > mostCheck {
		return problem.Of(problem.LimitsInvalid, "reality_check_minutes is %d to %d.", leastCheck, mostCheck)
	}
	n := len(limits)
	kinds, windows, amounts := make([]string, n), make([]string, n), make([]int64, n)
	for i, l := range limits {
		kinds[i], windows[i], amounts[i] = string(l.Kind), string(l.Window), l.Amount
	}
	return change(ctx, q, player, `SELECT protection_limits($1, $2, $3, $4, $5)`, kinds, windows, amounts, checkMinutes)
}

// TimeOut keeps the player from play for some hours from now, or for longer if that was so
// before. It returns the problem params_invalid, and ErrUnknown.
func TimeOut(ctx context.Context, q Querier, player uuid.UUID, hours int64) error {
	if hours < leastTimeOut || hours > mostTimeOut {
		return problem.Of(problem.ParamsInvalid, "A time-out is %d to %d hours.", leastTimeOut, mostTimeOut)
	}
	return change(ctx, q, player, `SELECT protection_timeout($1, $2)`, int32(hours))
}

// Exclude keeps the player from play for some months from now, or for longer if that was so
// before, and until Return. It returns the problem params_invalid, and ErrUnknown.
func Exclude(ctx context.Context, q Querier, player uuid.UUID, months int64) error {
	if months < leastExclude || months > mostExclude {
		return problem.Of(problem.ParamsInvalid, "A self-exclusion is %d to %d months.", leastExclude, mostExclude)
	}
	return change(ctx, q, player, `SELECT protection_exclude($1, $2)`, int32(months))
}

// Return ends a self-exclusion whose time is over, 24 hours after the first call. Before
// that time it returns the problem excluded. It returns ErrUnknown.
func Return(ctx context.Context, q Querier, player uuid.UUID) error {
	if err := change(ctx, q, player, `SELECT protection_return($1)`); err != nil {
		return err
	}
	s, err := Get(ctx, q, player)
	if err == nil && s.Exclusion != nil && s.Exclusion.Returns == nil {
		err = problem.Of(problem.Excluded, "A self-exclusion does not end before its time.").With("until", inUTC(&s.Exclusion.Until))
	}
	return err
}

// change calls one of the functions that change what protects a player.
func change(ctx context.Context, q Querier, player uuid.UUID, sql string, args ...any) error {
	var known bool
	err := q.QueryRow(ctx, sql, append([]any{player}, args...)...).Scan(&known)
	if err == nil && !known {
		err = ErrUnknown
	}
	if err != nil {
		return fmt.Errorf("protect player %s: %w", player, postgres.Problem(err))
	}
	return nil
}
