package history

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/vegascore/vegascore/services/actions/internal/play"
	"github.com/vegascore/vegascore/shared/postgres"
	"github.com/vegascore/vegascore/shared/problem"
)

// Limits of a page.
const (
	DefaultLimit = 20
	MostLimit    = 100
)

// Filter says which rounds are wanted; its zero value, all of them.
type Filter struct {
	Game  string // "": of any
	State string // open, settled, void; "": any
	Limit int    // 1 to MostLimit
	After string // cursor of the page before; "": from the newest
}

// Line is a round in a list. Its view and what it takes to verify it are in the round itself.
type Line struct {
	play.Round
	CreatedAt time.Time `json:"created_at"`
	SettledAt time.Time `json:"settled_at,omitzero"`
}

// Page is a part of a list. Next is the cursor of the page after it, "" at the end.
type Page struct {
	Rounds []Line `json:"rounds"`
	Next   string `json:"next_cursor,omitempty"`
}

// Querier reads: a pool, a connection or a transaction.
type Querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// List returns the player's rounds, newest first. Rounds that are played meanwhile move no
// page. It returns the problem cursor_invalid, or params_invalid for the rest of the filter.
func List(ctx context.Context, q Querier, player uuid.UUID, f Filter) (Page, error) {
	if f.Limit < 1 || f.Limit > MostLimit {
		return Page{}, problem.Of(problem.ParamsInvalid, "The limit is 1 to %d.", MostLimit)
	}
	if !slices.Contains([]string{"", "open", "settled", "void"}, f.State) {
		return Page{}, problem.Of(problem.ParamsInvalid, "A state is open, settled or void.")
	}
	before, err := read(f.After)
	if err != nil {
		return Page{}, err
	}
	// One more than wanted tells whether there is a page after this one.
	const list = `
		SELECT r.id, r.game, r.table_id, r.rules, r.state, r.stake, coalesce(r.staked, r.stake), r.payout, r.nonce, r.outcome::text,
		       r.created_at, r.settled_at, s.client_seed, s.server_hash
		FROM rounds r JOIN round_sources s ON s.id = r.seed_id
		WHERE r.player_id = $1 AND r.id < $2 AND ($3 = '' OR r.game = $3) AND ($4 = '' OR r.state = $4)
		ORDER BY r.id DESC LIMIT $5`
	rows, err := q.Query(ctx, list, player, before, f.Game, f.State, f.Limit+1)
	if err != nil {
		return Page{}, fmt.Errorf("list rounds: %w", postgres.Problem(err))
	}
	page := Page{}
	if page.Rounds, err = pgx.AppendRows([]Line{}, rows, scan); err != nil {
		return Page{}, fmt.Errorf("list rounds: %w", postgres.Problem(err))
	}
	if len(page.Rounds) > f.Limit {
		page.Rounds = page.Rounds[:f.Limit]
		page.Next = cursor(page.Rounds[f.Limit-1].ID)
	}
	return page, nil
}

func scan(row pgx.CollectableRow) (l Line, err error) {
	var outcome pgtype.Text
	var settled pgtype.Timestamptz
	err = row.Scan(&l.ID, &l.Game, &l.Table, &l.Rules, &l.State, (*int64)(&l.Stake), (*int64)(&l.Staked), (*int64)(&l.Payout), &l.Nonce, &outcome,
		&l.CreatedAt, &settled, &l.ClientSeed, &l.ServerSeedHash)
	if outcome.Valid {
		l.Outcome = json.RawMessage(outcome.String)
	}
	l.CreatedAt, l.SettledAt = l.CreatedAt.UTC(), settled.Time.UTC()
	return l, err
}

// kind is the first byte of a cursor of this list, so that another list's is none.
const kind = 'r'

// cursor is the place after a round.
func cursor(id uuid.UUID) string {
	return base64.RawURLEncoding.EncodeToString(append([]byte{kind}, id[:]...))
}

// read returns the round after which a cursor goes on; the greatest id for none.
func read(cursor string) (uuid.UUID, error) {
	if cursor == "" {
		return uuid.Max, nil
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err != nil || len(b) != 17 || b[0] != kind {
		return uuid.UUID{}, problem.Of(problem.CursorInvalid, "This is no cursor of this list.").Because(err)
	}
	return uuid.UUID(b[1:]), nil
}
