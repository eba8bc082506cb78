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
	"github.com/vegascore/vegascore/shared/ledger/oracle"
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
	moved bool          // nonces, rounds or what is counted were changed by hand: only the ledger is sound
}

func open(t testing.TB) *house {
	t.Helper()
	pg := pgtest.New(t)
	h := &house{t: t, pg: pg}
	t.Cleanup(h.end)
	h.db, h.desk = h.through(pg.URL, postgres.ModeAuto)
	return h
}

// end is the last of a test, when its desks are closed.
func (h *house) end() {
	if h.moved {
		h.ledgerSound()
		return
	}
	h.sound()
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

// sound asks the oracle: what must hold whatever happened. Every test ends with it.
func (h *house) sound() {
	h.t.Helper()
	oracle.Judge(h.t, h.pg)
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
