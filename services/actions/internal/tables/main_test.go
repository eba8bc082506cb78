package tables

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"go.uber.org/goleak"

	"github.com/vegascore/vegascore/services/actions/internal/games"
	"github.com/vegascore/vegascore/services/actions/internal/play"
	"github.com/vegascore/vegascore/services/actions/internal/players"
	"github.com/vegascore/vegascore/shared/ledger"
	"github.com/vegascore/vegascore/shared/ledger/oracle"
	"github.com/vegascore/vegascore/shared/money"
	"github.com/vegascore/vegascore/shared/pgtest"
	"github.com/vegascore/vegascore/shared/postgres"
	"github.com/vegascore/vegascore/shared/problem"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// house is a floor with a desk, on a database of its own. The oracle has the last word of
// each test.
type house struct {
	t     testing.TB
	pg    *pgtest.Database
	db    *postgres.DB
	desk  *play.Desk
	floor *Floor
	root  *pgxpool.Pool
}

func open(t testing.TB) *house {
	t.Helper()
	h := &house{t: t, pg: pgtest.New(t)}
	oracle.Watch(t, h.pg)
	db, err := postgres.Open(t.Context(), postgres.Config{URL: h.pg.URL, MaxConns: 8}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	h.db, h.root = db, h.pg.AdminPool(t)
	h.desk = play.NewDesk(db, play.Options{}, func() {})
	t.Cleanup(h.desk.Close)
	h.floor = New(db, h.desk, Options{}, func() {})
	return h
}

func (h *house) guest(name string) play.Player {
	h.t.Helper()
	p, err := players.Create(h.t.Context(), h.db, name)
	if err != nil {
		h.t.Fatal(err)
	}
	return play.Player{ID: p.ID, Name: p.Name}
}

func (h *house) balance(p play.Player) money.Amount {
	h.t.Helper()
	balance, err := ledger.BalanceOf(context.Background(), h.root, p.ID, money.Play)
	if err != nil {
		h.t.Fatal(err)
	}
	return balance
}

func (h *house) admin(sql string, args ...any) {
	h.t.Helper()
	if _, err := h.root.Exec(context.Background(), sql, args...); err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) count(sql string, args ...any) (n int) {
	h.t.Helper()
	if err := h.root.QueryRow(context.Background(), sql, args...).Scan(&n); err != nil {
		h.t.Fatal(err)
	}
	return n
}

func table(t testing.TB, id string) games.Table {
	t.Helper()
	at, err := games.FindTable(id)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// advance moves a table on as its croupier does.
func (h *house) advance(id string) Standing {
	h.t.Helper()
	s, err := h.floor.Advance(h.t.Context(), table(h.t, id), 1)
	if err != nil {
		h.t.Fatal(err)
	}
	return s
}

// pass makes what is next at a table due, as if that much time had passed.
func (h *house) pass(id string) {
	h.t.Helper()
	h.admin(`UPDATE table_rounds SET opened_at = opened_at - gap, locks_at = locks_at - gap, locked_at = locked_at - gap, due_at = due_at - gap,
			settled_at = settled_at - gap
		FROM (SELECT greatest(interval '0', coalesce(max(coalesce(settled_at + interval '1 minute', due_at, locks_at)), now()) - clock_timestamp()) AS gap
		      FROM table_rounds WHERE table_id = $1 AND seq = (SELECT max(seq) FROM table_rounds WHERE table_id = $1)) g
		WHERE table_id = $1 AND seq = (SELECT max(seq) FROM table_rounds WHERE table_id = $1)`, id)
}

// rig chooses the draws of the open round of a table.
func (h *house) rig(id, serverSeed, clientSeed string) {
	h.t.Helper()
	h.admin(`UPDATE table_rounds SET server_seed = $2, client_seed = $3 WHERE table_id = $1 AND state = 'open'`, id, serverSeed, clientSeed)
}

// placed is the round in an answer.
type placed struct {
	Round struct {
		play.Round
		Balance money.Amount `json:"balance"`
	} `json:"round"`
}

func (h *house) bet(p play.Player, key, at string, stake money.Amount, params string) (play.Answer, error) {
	h.t.Helper()
	bet, err := play.NewBet(p, key, play.Request{Game: table(h.t, at).Game, Table: at, Stake: stake, Params: json.RawMessage(params)}, "")
	if err != nil {
		h.t.Fatal(err)
	}
	return h.desk.Place(h.t.Context(), bet)
}

func (h *house) mustBet(p play.Player, key, at string, stake money.Amount, params string) placed {
	h.t.Helper()
	answer, err := h.bet(p, key, at, stake, params)
	if err != nil {
		h.t.Fatal(err)
	}
	return h.read(answer)
}

func (h *house) read(answer play.Answer) (r placed) {
	h.t.Helper()
	if err := json.Unmarshal(answer.Body, &r); err != nil {
		h.t.Fatal(err)
	}
	return r
}

func (h *house) act(p play.Player, key string, round uuid.UUID, action string) (play.Answer, error) {
	h.t.Helper()
	step, err := play.NewStep(p, key, round, json.RawMessage(action), "")
	if err != nil {
		h.t.Fatal(err)
	}
	return h.desk.Act(h.t.Context(), step)
}

func (h *house) find(p play.Player, round uuid.UUID) play.Record {
	h.t.Helper()
	r, err := play.Find(h.t.Context(), h.db, p.ID, round)
	if err != nil {
		h.t.Fatal(err)
	}
	return r
}

// settle moves a table on until its round is settled.
func (h *house) settle(id string) {
	h.t.Helper()
	for n := 0; ; n++ {
		h.pass(id)
		if s := h.advance(id); s.State == Settled {
			return
		}
		if n == 20 {
			h.t.Fatal("the table does not settle")
		}
	}
}

func is(err error, code problem.Code) bool { return errors.Is(err, problem.New(0, code, "")) }

func key(n int) string { return fmt.Sprint("k", n) }
