package play

import (
	"context"
	"encoding/json"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/vegascore/vegascore/services/actions/internal/jackpot"
	"github.com/vegascore/vegascore/shared/ledger"
	"github.com/vegascore/vegascore/shared/money"
)

const everything = 1_000_000 // a stake, and the highest

// winner is a nonce with which calmSeed wins the jackpot, and its round is over at once.
func winner(t *testing.T) uint64 {
	t.Helper()
	for nonce := range uint64(100_000) {
		if jackpot.Won(everything, calmSeed, "client", nonce) {
			return nonce
		}
	}
	t.Fatal("no nonce wins")
	return 0
}

func (h *house) spin(p Player, key string, stake money.Amount) answered {
	h.t.Helper()
	a, err := h.desk.Place(h.t.Context(), h.slotBet(p, key, stake))
	if err != nil {
		h.t.Fatal(err)
	}
	return h.read(a)
}

// rich gives a player money for high stakes, and a nonce.
func (h *house) rich(name string, nonce uint64) Player {
	h.t.Helper()
	p := h.guest(name)
	err := h.db.InTx(h.t.Context(), func(tx pgx.Tx) error {
		held, err := ledger.Lock(h.t.Context(), tx, []uuid.UUID{p.ID}, money.Play)
		if err != nil {
			return err
		}
		return ledger.Post(h.t.Context(), tx, money.Play, ledger.GrantTo(held[0].Account, 10_000_000))
	})
	if err != nil {
		h.t.Fatal(err)
	}
	h.moved = true
	h.admin(`UPDATE seeds SET nonce = $2 WHERE player_id = $1 AND state = 'active'`, p.ID, int64(nonce))
	return p
}

func (h *house) pool() money.Amount {
	h.t.Helper()
	sum, err := ledger.Derived(h.t.Context(), h.db, ledger.Pool, money.Play)
	if err != nil {
		h.t.Fatal(err)
	}
	return sum
}

// ledgerSound is what sound looks at, for players whose nonces were moved.
func (h *house) ledgerSound() {
	h.t.Helper()
	conn, err := pgx.Connect(context.Background(), h.pg.AdminURL)
	if err != nil {
		h.t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	if r, err := ledger.Verify(context.Background(), conn); err != nil || !r.OK() {
		h.t.Errorf("ledger = %+v, %v; want nothing wrong", r, err)
	}
}

func TestSlotsPutIntoTheJackpotAndOneWinsIt(t *testing.T) {
	t.Parallel()
	h := open(t)
	ada := h.guest("Ada")
	h.mustPlace(ada, "dice", 500, losing)
	if h.pool() != 0 {
		t.Errorf("dice has put in %d", h.pool())
	}
	for n, stake := range []money.Amount{100, 99, 250} {
		r := h.spin(ada, key(n), stake)
		for i := 0; r.State == "open"; i++ {
			r = h.mustAct(ada, key(n)+"-"+key(i), r.ID, `{"action":"spin"}`)
		}
	}
	if h.pool() != 3 {
		t.Errorf("the jackpot holds %d; want 3", h.pool())
	}
	h.sound()
	// With the sum of a pass as without.
	h.admin(`SELECT ledger_verify_all()`)
	if h.pool() != 3 {
		t.Errorf("after a pass the jackpot holds %d; want 3", h.pool())
	}
	eve := h.rich("Eve", winner(t))
	before := h.balance(eve)
	won := h.spin(eve, "k", everything)
	if won.Jackpot != 10_003 || won.Balance != before-everything+won.Payout+10_003 || h.balance(eve) != won.Balance || h.pool() != 0 {
		t.Errorf("won %+v from %d; the jackpot holds %d", won, before, h.pool())
	}
	again, err := h.desk.Place(t.Context(), h.slotBet(eve, "k", everything))
	if err != nil || !again.Replayed || h.read(again).Jackpot != 10_003 {
		t.Errorf("again: %+v, %v", again, err)
	}
	if n := h.count(`SELECT count(*) FROM outbox WHERE type = 'jackpot' AND key = 'table:slots-1' AND body->0->>'amount' = '10003'`); n != 1 {
		t.Errorf("told %d times; want once", n)
	}
	h.ledgerSound()
}

func (h *house) slotBet(p Player, key string, stake money.Amount) *Bet {
	h.t.Helper()
	b, err := NewBet(p, key, Request{Game: "slots", Table: "slots-1", Stake: stake, Params: json.RawMessage(`{}`)}, "")
	if err != nil {
		h.t.Fatal(err)
	}
	return b
}

// Two win at the same time, in one transaction or in two: the jackpot is paid once.
func TestTheJackpotIsPaidOnce(t *testing.T) {
	t.Parallel()
	h := open(t)
	_, single := h.through(h.pg.URL, "")
	nonce := winner(t)
	filler := h.rich("Filler", 0)
	for n := range 5 {
		h.spin(filler, key(n), everything)
		h.admin(`UPDATE rounds SET state = 'void', settled_at = now() WHERE state = 'open'`) // free spins do not matter here
	}
	held := h.pool()
	var winners []Player
	for range 8 {
		winners = append(winners, h.rich("Winner", nonce))
	}
	got := make([]money.Amount, len(winners))
	var wg sync.WaitGroup
	for i, p := range winners {
		desk := h.desk
		if i%2 == 1 {
			desk = single
		}
		wg.Go(func() {
			a, err := desk.Place(t.Context(), h.slotBet(p, "k", everything))
			if err != nil {
				t.Error(err)
				return
			}
			got[i] = h.read(a).Jackpot
		})
	}
	wg.Wait()
	var sum money.Amount
	for _, won := range got {
		sum += won
		if won < 10_000 {
			t.Errorf("won %d; want the own contribution at least", won)
		}
	}
	if sum+h.pool() != held+8*10_000 || held == 0 {
		t.Errorf("paid %d and %d left of %d", sum, h.pool(), held+8*10_000)
	}
	h.ledgerSound()
}
