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
		SELECT w.span, coalesce(sum(h.rounds), 0)::bigint, coalesce(sum(h.staked), 0)::bigint, coalesce(sum(h.paid), 0)::bigint,
		       floor(coalesce(extract(epoch FROM sum(h.played)), 0))::bigint
		FROM unnest(ARRAY['24h', '7d', '30d']) WITH ORDINALITY AS w (span, ord)
		LEFT JOIN player_hours h ON h.player_id = $1 AND h.hour > now() - limit_length(w.span) - interval '1 hour'
		GROUP BY w.span, w.ord ORDER BY w.ord`
	const session = `
		SELECT l.session_at, floor(extract(epoch FROM l.last_at - l.session_at))::bigint, l.session_staked, l.session_paid
		FROM (SELECT * FROM player_hours h WHERE h.player_id = $1 ORDER BY h.hour DESC LIMIT 1) l
		WHERE now() - l.last_at < session_gap()`
	var a Activity
	rows, err := q.Query(ctx, windows, player)
	if err == nil {
		a.Windows, err = pgx.CollectRows(rows, scanDone)
	}
	if err != nil {
		return Activity{}, fmt.Errorf("read activity of player %s: %w", player, postgres.Problem(err))
	}
	var s Sitting
	var start pgtype.Timestamptz
	err = q.QueryRow(ctx, session, player).Scan(&start, &s.Seconds, (*int64)(&s.Staked), (*int64)(&s.Paid))
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
