package tournament

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"go.uber.org/goleak"

	"github.com/vegascore/vegascore/shared/ledger"
	"github.com/vegascore/vegascore/shared/money"
	"github.com/vegascore/vegascore/shared/pgtest"
	"github.com/vegascore/vegascore/shared/tournament/points"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// hall is a database with what tests do to it.
type hall struct {
	t           *testing.T
	pool, admin *pgxpool.Pool
}

func newHall(t *testing.T) *hall {
	t.Helper()
	db := pgtest.New(t)
	return &hall{t: t, pool: db.Pool(t), admin: db.AdminPool(t)}
}

// InTx makes it a Transactor, with the rights of the services.
func (h *hall) InTx(ctx context.Context, fn func(pgx.Tx) error) error {
	return pgx.BeginFunc(ctx, h.pool, fn)
}

func (h *hall) exec(sql string, args ...any) {
	h.t.Helper()
	if _, err := h.admin.Exec(h.t.Context(), sql, args...); err != nil {
		h.t.Fatal(err)
	}
}

// number runs a query for one.
func (h *hall) number(sql string, args ...any) (n int64) {
	h.t.Helper()
	if err := h.admin.QueryRow(h.t.Context(), sql, args...).Scan(&n); err != nil {
		h.t.Fatal(err)
	}
	return n
}

// player makes one who holds an amount.
func (h *hall) player(holds money.Amount) uuid.UUID {
	h.t.Helper()
	player, account := uuid.Must(uuid.NewV7()), uuid.Must(uuid.NewV7())
	h.exec(`INSERT INTO players (id, name) VALUES ($1, 'player')`, player)
	err := h.InTx(h.t.Context(), func(tx pgx.Tx) error {
		if err := ledger.Open(h.t.Context(), tx, account, player, money.Play); err != nil {
			return err
		}
		return ledger.Post(h.t.Context(), tx, money.Play, ledger.GrantTo(account, holds))
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return player
}

func (h *hall) balance(player uuid.UUID) money.Amount {
	h.t.Helper()
	balance, err := ledger.BalanceOf(h.t.Context(), h.pool, player, money.Play)
	if err != nil {
		h.t.Fatal(err)
	}
	return balance
}

// create makes a tournament of dice that runs from an hour ago for two hours, with a fee of
// 100 and payouts of 50, 30 and 20 %.
func (h *hall) create(rule Rule) (tournament uuid.UUID) {
	h.t.Helper()
	err := h.admin.QueryRow(h.t.Context(), `SELECT tournament_create('Cup', '{dice,plinko}', $1, 100, now() - interval '1 hour', now() + interval '1 hour',
		now() - interval '2 hours', smallest_stake => 10)`, string(rule)).Scan(&tournament)
	if err != nil {
		h.t.Fatal(err)
	}
	return tournament
}

// finish lets the time of a tournament, and of all that happened in it, be two hours ago.
func (h *hall) finish(tournament uuid.UUID) {
	h.t.Helper()
	h.exec(`UPDATE tournaments SET opens_at = opens_at - interval '2 hours', starts_at = starts_at - interval '2 hours',
		ends_at = ends_at - interval '2 hours' WHERE id = $1`, tournament)
	h.exec(`UPDATE tournament_entries SET entered_at = entered_at - interval '2 hours' WHERE tournament_id = $1`, tournament)
	h.exec(`UPDATE rounds SET created_at = created_at - interval '2 hours', settled_at = settled_at - interval '2 hours'`)
}

func (h *hall) enter(tournament, player uuid.UUID) {
	h.t.Helper()
	if _, err := Enter(h.t.Context(), h, Request{Tournament: tournament, Player: player, Key: "k-" + tournament.String()}); err != nil {
		h.t.Fatal(err)
	}
}

// round is a settled one of a test: it began and ended so long from now.
type round struct {
	player       uuid.UUID
	game, state  string
	cost, pays   int64
	began, ended time.Duration
}

// play stores a round, which moves no money here, and counts it as its fact does.
func (h *hall) play(r round) uuid.UUID {
	h.t.Helper()
	if r.game == "" {
		r.game = "dice"
	}
	if r.state == "" {
		r.state = "settled"
	}
	id := uuid.Must(uuid.NewV7())
	h.exec(`INSERT INTO rounds (id, player_id, key, request_hash, game, table_id, rules, state, asset, stake, staked, payout,
			seed_id, nonce, params, answer, created_at, settled_at)
		VALUES ($1, $2, $1::uuid::text, sha256(''), $3, 'x-1', 'x/1', $4::text, 'PLAY', 1, $5, $6, gen_random_uuid(), 0, '{}', '',
			now() + make_interval(secs => $7), CASE WHEN $4::text <> 'open' THEN now() + make_interval(secs => $8) END)`,
		id, r.player, r.game, r.state, r.cost, r.pays, r.began.Seconds(), r.ended.Seconds())
	h.count(id)
	return id
}

func (h *hall) count(rounds ...uuid.UUID) {
	h.t.Helper()
	for _, id := range rounds {
		err := h.InTx(h.t.Context(), func(tx pgx.Tx) error { _, err := points.Count(h.t.Context(), tx, id); return err })
		if err != nil {
			h.t.Fatal(err)
		}
	}
}

func (h *hall) settle(tournament uuid.UUID) Progress {
	h.t.Helper()
	p, err := Settle(h.t.Context(), h, tournament)
	if err != nil {
		h.t.Fatal(err)
	}
	return p
}

// points are those of the standings, in their order.
func (h *hall) points(tournament uuid.UUID) string {
	h.t.Helper()
	all, err := Standings(h.t.Context(), h.pool, tournament, 10)
	if err != nil {
		h.t.Fatal(err)
	}
	var text string
	for _, s := range all {
		text += fmt.Sprint(s.Points, " ")
	}
	return text
}

// sound wants the ledger to add up, all players and pools of over tournaments to be right.
func (h *hall) sound() {
	h.t.Helper()
	if r, err := ledger.Verify(h.t.Context(), h.pool); err != nil || !r.OK() {
		h.t.Errorf("ledger = %+v, %v; want nothing wrong", r, err)
	}
	wrong := h.number(`SELECT count(*) FROM tournaments t WHERE ledger_derived(t.pool, t.asset) <> CASE
		WHEN t.state IN ('settled', 'cancelled') THEN 0
		ELSE (SELECT coalesce(sum(fee), 0) - coalesce(sum(prize) FILTER (WHERE paid_at IS NOT NULL), 0) FROM tournament_entries e WHERE e.tournament_id = t.id) END`)
	if wrong != 0 {
		h.t.Errorf("%d pools do not hold what they should", wrong)
	}
}
