package play

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"go.uber.org/goleak"

	"github.com/vegascore/vegascore/services/actions/internal/players"
	"github.com/vegascore/vegascore/shared/ledger"
	"github.com/vegascore/vegascore/shared/money"
	"github.com/vegascore/vegascore/shared/pgtest"
	"github.com/vegascore/vegascore/shared/postgres"
	"github.com/vegascore/vegascore/shared/problem"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// house is a desk on a database of its own.
type house struct {
	t     testing.TB
	pg    *pgtest.Database
	db    *postgres.DB
	desk  *Desk
	wakes atomic.Int64
	super *pgxpool.Pool // opened when needed
}

func open(t testing.TB) *house {
	t.Helper()
	pg := pgtest.New(t)
	h := &house{t: t, pg: pg}
	h.db, h.desk = h.through(pg.URL, postgres.ModeAuto)
	return h
}

// through opens another way to the database.
func (h *house) through(url string, mode postgres.Mode) (*postgres.DB, *Desk) {
	h.t.Helper()
	db, err := postgres.Open(h.t.Context(), postgres.Config{URL: url, MaxConns: 4, Mode: mode}, slog.New(slog.DiscardHandler))
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(db.Close)
	desk := NewDesk(db, Options{}, func() { h.wakes.Add(1) })
	h.t.Cleanup(desk.Close)
	return db, desk
}

// calmSeed, with the client seed "client", rolls 101 to 9,990 for the nonces 0 to 299.
const calmSeed = "0000000000000000000000000000000000000000000000000000000000000055"

// guest makes a player with 100,000 whose active server seed is calmSeed.
func (h *house) guest(name string) Player {
	h.t.Helper()
	p, err := players.Create(h.t.Context(), h.db, name)
	if err != nil {
		h.t.Fatal(err)
	}
	h.admin(`UPDATE seeds SET server_seed = $2, client_seed = 'client' WHERE player_id = $1 AND state = 'active'`, p.ID, calmSeed)
	return Player{ID: p.ID, Name: p.Name}
}

// root is a pool of the superuser, which faults leave alone.
func (h *house) root() *pgxpool.Pool {
	if h.super == nil {
		h.super = h.pg.AdminPool(h.t)
	}
	return h.super
}

// admin runs a statement as the superuser.
func (h *house) admin(sql string, args ...any) {
	h.t.Helper()
	if _, err := h.root().Exec(context.Background(), sql, args...); err != nil {
		h.t.Fatal(err)
	}
}

// losing and winning are bets whose result is known with calmSeed.
const (
	losing  = `{"direction":"under","target":10}`
	winning = `{"direction":"over","target":100}`
)

func (h *house) bet(p Player, key string, stake money.Amount, params string) *Bet {
	h.t.Helper()
	b, err := NewBet(p, key, Request{Game: "dice", Table: "dice-1", Stake: stake, Params: json.RawMessage(params)}, "")
	if err != nil {
		h.t.Fatal(err)
	}
	return b
}

func (h *house) place(p Player, key string, stake money.Amount, params string) (Answer, error) {
	return h.desk.Place(h.t.Context(), h.bet(p, key, stake, params))
}

func (h *house) mustPlace(p Player, key string, stake money.Amount, params string) Answer {
	h.t.Helper()
	a, err := h.place(p, key, stake, params)
	if err != nil {
		h.t.Fatal(err)
	}
	return a
}

func (h *house) count(sql string, args ...any) (n int) {
	h.t.Helper()
	if err := h.root().QueryRow(context.Background(), sql, args...).Scan(&n); err != nil {
		h.t.Fatal(err)
	}
	return n
}

func (h *house) balance(p Player) money.Amount {
	h.t.Helper()
	balance, err := ledger.BalanceOf(context.Background(), h.root(), p.ID, money.Play)
	if err != nil {
		h.t.Fatal(err)
	}
	return balance
}

// sound is the oracle: what must hold whatever happened.
func (h *house) sound() {
	h.t.Helper()
	if r, err := ledger.Verify(context.Background(), h.root()); err != nil || !r.OK() {
		h.t.Errorf("ledger = %+v, %v; want nothing wrong", r, err)
	}
	for what, sql := range map[string]string{
		"rounds without exactly their stakes, holds and payout": `
			WITH moved AS (SELECT round_id, coalesce(sum(amount) FILTER (WHERE kind = 'stake'), 0) AS stake, coalesce(sum(amount) FILTER (WHERE kind = 'payout'), 0) AS payout,
					coalesce(sum(amount) FILTER (WHERE kind = 'hold'), 0) AS hold, bool_or(kind = 'hold') AS held
				FROM ledger_transfers WHERE round_id IS NOT NULL GROUP BY round_id)
			SELECT count(*) FROM rounds r FULL JOIN moved m ON m.round_id = r.id
			WHERE r.id IS NULL OR m.round_id IS NULL OR r.payout <> m.payout OR m.stake <> CASE r.state WHEN 'settled' THEN r.staked ELSE 0 END
			OR m.hold <> CASE WHEN m.held THEN r.staked ELSE 0 END OR r.state = 'open' AND NOT m.held`,
		"the jackpot holds less than nothing": `
			SELECT count(*) FROM (SELECT sum(CASE WHEN credit = j.id THEN amount ELSE -amount END) AS sum
				FROM ledger_transfers, ledger_accounts j WHERE j.kind = 'jackpot' AND j.id IN (credit, debit)) s WHERE s.sum < 0`,
		"what is held is not what open rounds have cost": `
			SELECT (SELECT coalesce(sum(CASE WHEN credit = h.id THEN amount ELSE -amount END), 0) FROM ledger_transfers WHERE h.id IN (credit, debit))
				- (SELECT coalesce(sum(staked), 0) FROM rounds WHERE state = 'open')
			FROM ledger_accounts h WHERE kind = 'hold'`,
		"rounds whose actions have not cost what was staked": `
			SELECT count(*) FROM rounds r WHERE r.staked <> r.stake + (SELECT coalesce(sum(cost), 0) FROM round_steps WHERE round_id = r.id)`,
		"settled rounds without one fact, or facts of no round": `
			WITH told AS (SELECT (body->>'round')::uuid AS round_id, count(*) AS n FROM outbox WHERE sink = 'fact' GROUP BY 1)
			SELECT count(*) FROM rounds r FULL JOIN told o ON o.round_id = r.id
			WHERE r.id IS NULL OR coalesce(o.n, 0) <> CASE r.state WHEN 'settled' THEN 1 ELSE 0 END`,
		"rounds that were over at once without their three events, or events of no round": `
			WITH told AS (SELECT coalesce(body->0->>'id', body->0->>'round', body->>'round')::uuid AS round_id, count(*) AS n, count(DISTINCT type) AS kinds
				FROM outbox WHERE type <> 'reality_check' GROUP BY 1)
			SELECT count(*) FROM rounds r FULL JOIN told o ON o.round_id = r.id
			CROSS JOIN LATERAL (SELECT count(*) AS won FROM ledger_transfers t WHERE t.kind = 'jackpot' AND t.round_id = r.id) j
			WHERE r.id IS NULL OR o.round_id IS NULL OR r.created_at = r.settled_at AND (o.n - j.won <> 3 OR o.kinds - j.won <> 3)`,
		"accounts that do not say what was staked and paid": `
			WITH booked AS (SELECT a.owner, sum(t.amount) FILTER (WHERE t.debit = a.id) AS staked, sum(t.amount) FILTER (WHERE t.credit = a.id AND t.kind <> 'grant') AS paid
				FROM ledger_accounts a JOIN ledger_transfers t ON a.id IN (t.debit, t.credit) WHERE a.owner IS NOT NULL GROUP BY a.owner),
			played AS (SELECT player_id, count(*) AS rounds FROM rounds GROUP BY player_id)
			SELECT count(*) FROM ledger_accounts a LEFT JOIN booked b ON b.owner = a.owner LEFT JOIN played p ON p.player_id = a.owner
			WHERE a.kind = 'player' AND (coalesce(b.staked, 0) <> a.staked OR coalesce(b.paid, 0) <> a.paid OR coalesce(p.rounds, 0) <> a.rounds)`,
		"hours that begin with other figures than the one before has left": `
			SELECT count(*) FROM (SELECT h.*, a.hour AS latest, row_number() OVER w AS n, h.staked - lag(h.staked) OVER w AS more, a.staked - h.staked AS since
				FROM player_hours h JOIN ledger_accounts a ON a.id = h.account WINDOW w AS (PARTITION BY h.account ORDER BY h.hour)) x
			WHERE n = 1 AND staked <> 0 OR more < 0 OR since < 0 OR hour > latest`,
		"seeds whose nonces are not those of their rounds": `
			WITH used AS (SELECT seed_id, count(*) AS n, count(DISTINCT nonce) AS nonces, max(nonce) + 1 AS next FROM rounds GROUP BY seed_id)
			SELECT count(*) FROM seeds s LEFT JOIN used u ON u.seed_id = s.id
			WHERE s.nonce <> coalesce(u.n, 0) OR u.n <> u.nonces OR u.next <> s.nonce`,
	} {
		if n := h.count(sql); n != 0 {
			h.t.Errorf("%s: %d", what, n)
		}
	}
}

func is(err error, code problem.Code) bool { return errors.Is(err, problem.New(0, code, "")) }

// balanceIn reads the balance of an answer.
func balanceIn(t testing.TB, a Answer) money.Amount {
	t.Helper()
	var body struct{ Round answered }
	if err := json.Unmarshal(a.Body, &body); err != nil {
		t.Fatalf("answer %q: %v", a.Body, err)
	}
	return body.Round.Balance
}

func key(n int) string { return fmt.Sprintf("key-%d", n) }

func newID() uuid.UUID { return uuid.Must(uuid.NewV7()) }
