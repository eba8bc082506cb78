package play

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/vegascore/vegascore/services/actions/internal/seeds"
	"github.com/vegascore/vegascore/shared/event"
	"github.com/vegascore/vegascore/shared/fair"
	"github.com/vegascore/vegascore/shared/money"
	"github.com/vegascore/vegascore/shared/postgres"
	"github.com/vegascore/vegascore/shared/postgres/bouncer"
	"github.com/vegascore/vegascore/shared/problem"
)

func TestABetMovesMoneyAndTellsEverybody(t *testing.T) {
	t.Parallel()
	h := open(t)
	ada := h.guest("Ada")
	bet := h.bet(ada, "k1", 100, winning)
	bet.traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	answer, err := h.desk.Place(t.Context(), bet)
	if err != nil || answer.Replayed {
		t.Fatalf("answer = %+v, %v; want a first one", answer, err)
	}
	var body struct {
		Round struct {
			answered
			Outcome struct {
				Roll       int64  `json:"roll"`
				Win        bool   `json:"win"`
				Multiplier string `json:"multiplier"`
			} `json:"outcome"`
		} `json:"round"`
	}
	if err := json.Unmarshal(answer.Body, &body); err != nil {
		t.Fatal(err)
	}
	roll := int64(fair.NewStream(calmSeed, "client", 0).Intn(10_001))
	if got := body.Round.Outcome; got.Roll != roll || !got.Win || got.Multiplier != "1.0001" {
		t.Errorf("outcome = %+v; want roll %d", got, roll)
	}
	if got := body.Round; got.Payout != 100 || got.Balance != 100_000 || got.Nonce != 0 || got.State != "settled" || got.Rules != "dice/1" {
		t.Errorf("round = %+v", got)
	}
	if h.wakes.Load() != 1 {
		t.Errorf("the drainers were woken %d times; want once", h.wakes.Load())
	}
	rows, err := h.db.Query(t.Context(), `SELECT sink, key, type, body::text, traceparent, event_id::text FROM outbox ORDER BY id`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var got []string
	for rows.Next() {
		var sink, key, kind, text, parent, id string
		if err := rows.Scan(&sink, &key, &kind, &text, &parent, &id); err != nil {
			t.Fatal(err)
		}
		got = append(got, sink+" "+key+" "+kind)
		if parent != bet.traceparent {
			t.Errorf("%s: traceparent = %q", kind, parent)
		}
		checkEvent(t, kind, text, id, bet, ada)
	}
	want := []string{"room table:dice-1 round", "room player:" + ada.ID.String() + " balance", "fact dice-1 " + event.TypeRoundSettled}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("outbox (-want +got):\n%s", diff)
	}
	h.sound()
}

func checkEvent(t *testing.T, kind, text, id string, bet *Bet, ada Player) {
	t.Helper()
	switch kind {
	case "round":
		var args []roundEvent
		if err := json.Unmarshal([]byte(text), &args); err != nil || len(args) != 1 {
			t.Fatalf("round event %s: %v", text, err)
		}
		if e := args[0]; e.ID != bet.round || e.Player != ada || e.EventID.String() != id || e.Traceparent != bet.traceparent || e.SettledAt.IsZero() {
			t.Errorf("round event = %+v", e)
		}
	case "balance":
		var args []balanceEvent
		if err := json.Unmarshal([]byte(text), &args); err != nil || len(args) != 1 {
			t.Fatalf("balance event %s: %v", text, err)
		}
		if e := args[0]; e.Balance != 100_000 || e.Asset != money.Play || e.Round != bet.round || e.EventID.String() != id {
			t.Errorf("balance event = %+v", e)
		}
	case event.TypeRoundSettled:
		var e event.RoundSettled
		if err := json.Unmarshal([]byte(text), &e); err != nil {
			t.Fatalf("fact %s: %v", text, err)
		}
		if e.Round != bet.round || e.Player != ada.ID || e.Name != "Ada" || e.Stake != 100 || e.Payout != 100 || e.Table != "dice-1" || e.SettledAt.IsZero() {
			t.Errorf("fact = %+v", e)
		}
	}
}

func TestTheSameRequestAgainGetsTheSameAnswer(t *testing.T) {
	t.Parallel()
	h := open(t)
	ada := h.guest("Ada")
	first := h.mustPlace(ada, "k1", 100, losing)
	h.mustPlace(ada, "k2", 100, losing)
	again := h.mustPlace(ada, "k1", 100, ` {"target": 10, "direction": "under"}`)
	if !again.Replayed || string(again.Body) != string(first.Body) {
		t.Errorf("again = %s, replayed %t; want %s", again.Body, again.Replayed, first.Body)
	}
	if got := h.balance(ada); got != 99_800 {
		t.Errorf("balance = %d; want two stakes less", got)
	}
	h.sound()
}

func TestAnotherRequestUnderTheKeyIsRefused(t *testing.T) {
	t.Parallel()
	h := open(t)
	ada := h.guest("Ada")
	h.mustPlace(ada, "k1", 100, losing)
	for what, place := range map[string]func() (Answer, error){
		"other stake":     func() (Answer, error) { return h.place(ada, "k1", 101, losing) },
		"other target":    func() (Answer, error) { return h.place(ada, "k1", 100, `{"direction":"under","target":11}`) },
		"other direction": func() (Answer, error) { return h.place(ada, "k1", 100, winning) },
		"other table": func() (Answer, error) {
			b, err := NewBet(ada, "k1", Request{"dice", "dice-2", 100, json.RawMessage(losing)}, "")
			if err != nil {
				return Answer{}, err
			}
			return h.desk.Place(t.Context(), b)
		},
	} {
		if a, err := place(); !is(err, problem.KeyReused) {
			t.Errorf("%s: %s, %v; want key_reused", what, a.Body, err)
		}
	}
	if n := h.count(`SELECT count(*) FROM rounds`); n != 1 {
		t.Errorf("%d rounds; want 1", n)
	}
	h.sound()
}

func TestKeysBelongToTheirPlayer(t *testing.T) {
	t.Parallel()
	h := open(t)
	ada, bob := h.guest("Ada"), h.guest("Bob")
	a := h.mustPlace(ada, "k1", 100, losing)
	b := h.mustPlace(bob, "k1", 100, losing)
	if b.Replayed || string(a.Body) == string(b.Body) {
		t.Errorf("Bob got Ada's answer %s", b.Body)
	}
	h.sound()
}

func TestABetBeyondTheBalanceLeavesNothing(t *testing.T) {
	t.Parallel()
	h := open(t)
	ada := h.guest("Ada")
	if _, err := h.place(ada, "k1", 100_001, winning); !is(err, problem.InsufficientFunds) {
		t.Errorf("error = %v; want insufficient_funds", err)
	}
	if h.wakes.Load() != 0 || h.count(`SELECT count(*) FROM rounds`) != 0 || h.count(`SELECT sum(nonce) FROM seeds`) != 0 {
		t.Error("the refused bet left something")
	}
	if got := balanceIn(t, h.mustPlace(ada, "k1", 100_000, losing)); got != 0 {
		t.Errorf("balance after a bet of everything under the same key = %d; want 0", got)
	}
	if a := h.mustPlace(ada, "k1", 100_000, losing); !a.Replayed {
		t.Errorf("the replay of a bet that is no longer affordable was played: %s", a.Body)
	}
	h.sound()
}

func TestAPlayerWhoDoesNotExistCannotBet(t *testing.T) {
	t.Parallel()
	h := open(t)
	if _, err := h.place(Player{ID: newID(), Name: "Eve"}, "k1", 100, losing); !is(err, problem.TokenInvalid) {
		t.Errorf("error = %v; want token_invalid", err)
	}
}

func TestARoundIsVerifiedFromItsRevealedSeed(t *testing.T) {
	t.Parallel()
	h := open(t)
	ada := h.guest("Ada")
	h.admin(`UPDATE seeds SET server_hash = $2 WHERE player_id = $1 AND state = 'active'`, ada.ID, fair.Hash(calmSeed))
	for i := range 3 {
		h.mustPlace(ada, key(i), 100, losing)
	}
	bet := h.bet(ada, "last", 100, losing)
	if _, err := h.desk.Place(t.Context(), bet); err != nil {
		t.Fatal(err)
	}
	before, err := Find(t.Context(), h.db, ada.ID, bet.round)
	if err != nil || before.ServerSeed != "" || before.Nonce != 3 {
		t.Errorf("record = %+v, %v; want nonce 3 and no server seed", before, err)
	}
	if _, _, err := seeds.Rotate(t.Context(), h.db, ada.ID, "mine"); err != nil {
		t.Fatal(err)
	}
	r, err := Find(t.Context(), h.db, ada.ID, bet.round)
	if err != nil || r.ServerSeed != calmSeed || fair.Hash(r.ServerSeed) != r.ServerSeedHash || r.ServerSeedHash != before.ServerSeedHash {
		t.Fatalf("record = %+v, %v; want the seed of the hash that was shown", r, err)
	}
	var outcome struct{ Roll uint64 }
	if err := json.Unmarshal(r.Outcome, &outcome); err != nil {
		t.Fatal(err)
	}
	if want := fair.NewStream(r.ServerSeed, r.ClientSeed, r.Nonce).Intn(10_001); outcome.Roll != want {
		t.Errorf("roll = %d; the seeds give %d", outcome.Roll, want)
	}
	if a := h.mustPlace(ada, "next", 100, losing); !json.Valid(a.Body) {
		t.Errorf("answer = %s", a.Body)
	}
	h.sound()
}

func TestOthersDoNotFindARound(t *testing.T) {
	t.Parallel()
	h := open(t)
	ada, bob := h.guest("Ada"), h.guest("Bob")
	bet := h.bet(ada, "k1", 100, losing)
	if _, err := h.desk.Place(t.Context(), bet); err != nil {
		t.Fatal(err)
	}
	_, others := Find(t.Context(), h.db, bob.ID, bet.round)
	_, unknown := Find(t.Context(), h.db, bob.ID, newID())
	if !is(others, problem.NotFound) || others.Error() != unknown.Error() {
		t.Errorf("another's round: %v, unknown round: %v; want the same not_found", others, unknown)
	}
}

// What the services' role may not do, no mistake in them can.
func TestTheServicesCannotRewriteHistory(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.mustPlace(h.guest("Ada"), "k", 100, losing)
	for _, sql := range []string{
		`UPDATE rounds SET payout = 1`, `DELETE FROM rounds`, `UPDATE seeds SET server_seed = server_hash`, `DELETE FROM seeds`,
		`UPDATE players SET name = 'Eve'`, `DELETE FROM outbox`, `UPDATE outbox SET body = '[]'`, `CREATE TABLE mine ()`,
	} {
		_, err := h.db.Exec(t.Context(), sql)
		var pg *pgconn.PgError
		if !errors.As(err, &pg) || pg.Code != "42501" {
			t.Errorf("%s: error = %v; want insufficient privilege", sql, err)
		}
	}
	h.sound()
}

func TestTheDigestNeverChanges(t *testing.T) {
	t.Parallel()
	bet, err := NewBet(Player{}, "k", Request{"dice", "dice-1", 100, json.RawMessage(winning)}, "")
	if err != nil {
		t.Fatal(err)
	}
	want := sha256.Sum256([]byte("dice\x00dice-1\x00\x00\x00\x00\x00\x00\x00\x00\x64" + `{"direction":"over","target":100}`))
	if bet.hash != want {
		t.Errorf("digest = %x; want %x: stored keys would be refused as reused", bet.hash, want)
	}
}

// The pooler has fewer server connections than there are players at a time.
func TestBetsWorkThroughATransactionPooler(t *testing.T) {
	t.Parallel()
	h := open(t)
	db, desk := h.through(bouncer.Start(t, h.pg.URL, 2), postgres.ModeAuto)
	var wg sync.WaitGroup
	for i := range 4 {
		p := h.guest(fmt.Sprint("player ", i))
		wg.Go(func() {
			for k := range 6 {
				if _, err := desk.Place(t.Context(), h.bet(p, key(k%5), 100, losing)); err != nil {
					t.Error(err)
				}
			}
			if got := h.balance(p); got != 99_500 {
				t.Errorf("balance = %d; want five stakes less", got)
			}
		})
	}
	wg.Wait()
	if !db.Pooled() {
		t.Error("the pooler was not seen")
	}
	h.sound()
}
