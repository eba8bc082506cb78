package protection

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/vegascore/vegascore/shared/money"
	"github.com/vegascore/vegascore/shared/postgres"
)

// Done is what a player has done in a window, as limits count it. Net is the player's: paid
// without staked.
type Done struct {
	Window  Window       `json:"window"`
	Rounds  int64        `json:"rounds"`
	Staked  money.Amount `json:"staked"`
	Paid    money.Amount `json:"paid"`
	Net     money.Amount `json:"net"`
	Seconds int64        `json:"seconds"`
}

// Sitting is the present session, until its last bet.
type Sitting struct {
	Start   time.Time    `json:"start"`
	Seconds int64        `json:"seconds"`
	Staked  money.Amount `json:"staked"`
	Paid    money.Amount `json:"paid"`
	Net     money.Amount `json:"net"`
}

// Activity is what a player has done.
type Activity struct {
	Windows []Done   `json:"windows"`
	Session *Sitting `json:"session"` // nil when the last bet was 15 minutes ago or more
}

// ActivityOf returns what a player has done so far.
func ActivityOf(ctx context.Context, q Querier, player uuid.UUID) (Activity, error) {
	const windows = `
		SELECT w.span, a.rounds - coalesce(h.rounds, a.rounds), a.staked - coalesce(h.staked, a.staked), a.paid - coalesce(h.paid, a.paid),
		       floor(extract(epoch FROM a.played - coalesce(h.played, a.played)))::bigint
		FROM ledger_accounts a CROSS JOIN unnest(ARRAY['24h', '7d', '30d']) WITH ORDINALITY AS w (span, ord)
		LEFT JOIN LATERAL (
			SELECT * FROM player_hours h WHERE h.account = a.id AND h.hour > now() - limit_length(w.span) - interval '1 hour' ORDER BY h.hour LIMIT 1
		) h ON true
		WHERE a.owner = $1 AND a.asset = $2 ORDER BY w.ord`
	const session = `
		SELECT a.session_at, floor(extract(epoch FROM a.last_at - a.session_at))::bigint, a.staked - a.session_staked, a.paid - a.session_paid
		FROM ledger_accounts a WHERE a.owner = $1 AND a.asset = $2 AND now() - a.last_at < session_gap()`
	var a Activity
	rows, err := q.Query(ctx, windows, player, string(money.Play))
	if err == nil {
		a.Windows, err = pgx.CollectRows(rows, scanDone)
	}
	if err != nil {
		return Activity{}, fmt.Errorf("read activity of player %s: %w", player, postgres.Problem(err))
	}
	var s Sitting
	var start pgtype.Timestamptz
	err = q.QueryRow(ctx, session, player, string(money.Play)).Scan(&start, &s.Seconds, (*int64)(&s.Staked), (*int64)(&s.Paid))
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return a, nil
	case err != nil:
		return Activity{}, fmt.Errorf("read session of player %s: %w", player, postgres.Problem(err))
	}
	s.Start, s.Net = start.Time.UTC(), s.Paid-s.Staked
	a.Session = &s
	return a, nil
}

func scanDone(row pgx.CollectableRow) (Done, error) {
	var d Done
	err := row.Scan((*string)(&d.Window), &d.Rounds, (*int64)(&d.Staked), (*int64)(&d.Paid), &d.Seconds)
	d.Net = d.Paid - d.Staked
	return d, err
}
