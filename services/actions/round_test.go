package main

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/vegascore/vegascore/shared/fair"
)

func TestARoundFromTheGuestToItsCheck(t *testing.T) {
	t.Parallel()
	s, pg := begin(t)
	r := s.send(http.MethodPost, "/v1/guests", `{"name":"  Ada "}`)
	var guest struct {
		Player    struct{ ID, Name string }
		Token     string
		ExpiresAt string `json:"expires_at"`
		Balance   int
	}
	r.into(t, &guest)
	if r.status != 201 || guest.Player.Name != "Ada" || guest.Balance != 100_000 || guest.ExpiresAt == "" {
		t.Fatalf("guest: %d %s", r.status, r.body)
	}
	ada := &player{s, guest.Player.ID, "Ada", guest.Token}

	var pair struct {
		ClientSeed     string `json:"client_seed"`
		ServerSeedHash string `json:"server_seed_hash"`
		NextHash       string `json:"next_server_seed_hash"`
		Nonce          uint64
	}
	ada.send(http.MethodGet, "/v1/me/seeds", "").into(t, &pair)

	first := ada.bet("k1", 100)
	var a answer
	first.into(t, &a)
	got := a.Round
	if first.status != 201 || got.State != "settled" || got.Stake != 100 || got.Nonce != 0 || got.Rules != "dice/1" || got.Outcome.Multiplier != "1.9801" {
		t.Fatalf("bet: %d %s", first.status, first.body)
	}
	if got.ServerSeedHash != pair.ServerSeedHash || got.ClientSeed != pair.ClientSeed || got.Balance != 100_000-100+got.Payout {
		t.Errorf("bet: %s; want the seeds %+v and a balance that adds up", first.body, pair)
	}
	again := ada.bet("k1", 100)
	if again.status != 201 || again.body != first.body || again.header.Get("Idempotent-Replayed") != "true" || first.header.Get("Idempotent-Replayed") != "" {
		t.Errorf("again: %d %v %s; want a marked replay", again.status, again.header, again.body)
	}
	if other := ada.bet("k1", 200); other.status != 422 || other.code() != "key_reused" {
		t.Errorf("other stake under the key: %d %s", other.status, other.body)
	}
	if ada.balance() != got.Balance {
		t.Errorf("balance = %d; want %d", ada.balance(), got.Balance)
	}

	var rotated struct {
		ClientSeed     string `json:"client_seed"`
		ServerSeedHash string `json:"server_seed_hash"`
		Nonce          uint64
		Revealed       struct {
			ServerSeed string `json:"server_seed"`
			Nonce      uint64
		}
	}
	ada.send(http.MethodPost, "/v1/me/seeds", `{"client_seed":"my-own"}`).into(t, &rotated)
	if rotated.ClientSeed != "my-own" || rotated.ServerSeedHash != pair.NextHash || rotated.Nonce != 0 || rotated.Revealed.Nonce != 1 {
		t.Errorf("rotated: %+v; want the next hash %s", rotated, pair.NextHash)
	}
	var checked answer
	ada.send(http.MethodGet, "/v1/rounds/"+got.ID, "").into(t, &checked)
	seed := checked.Round.ServerSeed
	if seed != rotated.Revealed.ServerSeed || fair.Hash(seed) != pair.ServerSeedHash {
		t.Errorf("revealed seed %q does not have the hash that was shown", seed)
	}
	if roll := fair.NewStream(seed, got.ClientSeed, got.Nonce).Intn(10_001); roll != got.Outcome.Roll {
		t.Errorf("roll = %d; the seeds give %d", got.Outcome.Roll, roll)
	}
	sound(t, pg)
}

func TestParallelBetsOverHTTPSpendExactlyTheBalance(t *testing.T) {
	t.Parallel()
	s, pg := begin(t)
	ada := s.guest("Ada")
	// A seed whose first rolls all lose "under 50.00" for one bet of everything, and
	// bets of a size that fits ten times: the rolls of nonces 0 to 9 are above 50.00.
	losing := losingSeed(t, 10)
	if _, err := pg.AdminPool(t).Exec(t.Context(), `UPDATE seeds SET server_seed = $1, client_seed = 'client' WHERE state = 'active'`, losing); err != nil {
		t.Fatal(err)
	}
	var taken, refused atomic.Int64
	var wg sync.WaitGroup
	for i := range 91 {
		wg.Go(func() {
			switch r := ada.bet(fmt.Sprint("k", i), 10_000); {
			case r.status == 201:
				taken.Add(1)
			case r.status == 422 && r.code() == "insufficient_funds":
				refused.Add(1)
			default:
				t.Errorf("bet %d: %d %s", i, r.status, r.body)
			}
		})
	}
	wg.Wait()
	if taken.Load() != 10 || refused.Load() != 81 || ada.balance() != 0 {
		t.Errorf("%d taken, %d refused, balance %d; want 10, 81, 0", taken.Load(), refused.Load(), ada.balance())
	}
	sound(t, pg)
}

// losingSeed finds a server seed whose first n rolls are 50.00 and above.
func losingSeed(t *testing.T, n uint64) string {
	t.Helper()
search:
	for i := range 100_000 {
		seed := fmt.Sprintf("%064x", i)
		for nonce := range n {
			if fair.NewStream(seed, "client", nonce).Intn(10_001) < 5_000 {
				continue search
			}
		}
		return seed
	}
	t.Fatal("no seed found")
	return ""
}

func TestOneKeyAHundredTimesOverHTTP(t *testing.T) {
	t.Parallel()
	s, pg := begin(t)
	ada := s.guest("Ada")
	var wg sync.WaitGroup
	var mu sync.Mutex
	bodies, fresh := map[string]int{}, 0
	for range 100 {
		wg.Go(func() {
			r := ada.bet("k", 100)
			mu.Lock()
			defer mu.Unlock()
			bodies[r.body]++
			if r.status != 201 {
				t.Errorf("%d %s", r.status, r.body)
			} else if r.header.Get("Idempotent-Replayed") == "" {
				fresh++
			}
		})
	}
	wg.Wait()
	if len(bodies) != 1 || fresh != 1 {
		t.Errorf("%d different answers, %d not marked as replays; want one of each", len(bodies), fresh)
	}
	if n := count(t, pg, `SELECT count(*) FROM rounds`); n != 1 {
		t.Errorf("%d rounds; want 1", n)
	}
	sound(t, pg)
}

func TestAPlayersThingsAreHidden(t *testing.T) {
	t.Parallel()
	s, _ := begin(t)
	ada, bob := s.guest("Ada"), s.guest("Bob")
	var a, b answer
	ada.bet("k", 100).into(t, &a)
	others := bob.send(http.MethodGet, "/v1/rounds/"+a.Round.ID, "")
	unknown := bob.send(http.MethodGet, "/v1/rounds/01890a5d-ac96-774b-bcce-b302099a8057", "")
	for what, r := range map[string]reply{
		"another's round":     others,
		"unknown round":       unknown,
		"no uuid":             bob.send(http.MethodGet, "/v1/rounds/1", ""),
		"uuid in other forms": ada.send(http.MethodGet, "/v1/rounds/"+strings.ToUpper(a.Round.ID), ""),
		"SQL":                 bob.send(http.MethodGet, "/v1/rounds/1'%20OR%20'1'='1", ""),
	} {
		if r.status != 404 || r.body != unknown.body {
			t.Errorf("%s: %d %s; want 404 %s", what, r.status, r.body, unknown.body)
		}
	}
	bob.bet("k", 200).into(t, &b) // the key is Bob's own
	if b.Round.ID == a.Round.ID || b.Round.Stake != 200 {
		t.Errorf("Bob's bet under Ada's key: %+v", b.Round)
	}
	if own := ada.send(http.MethodGet, "/v1/rounds/"+a.Round.ID, ""); own.status != 200 {
		t.Errorf("own round: %d %s", own.status, own.body)
	}
}

// Everything that leaves the house before the reveal, and the log, is searched.
func TestNoServerSeedLeavesBeforeItsReveal(t *testing.T) {
	t.Parallel()
	s, pg := begin(t, "LOG_LEVEL=DEBUG")
	ada := s.guest("Ada")
	var said strings.Builder
	hear := func(r reply) { fmt.Fprintln(&said, r.status, r.header, r.body) }
	for i := range 5 {
		hear(ada.bet(fmt.Sprint("k", i), 100))
	}
	var a answer
	ada.bet("k0", 100).into(t, &a)
	hear(ada.bet("k0", 100))
	hear(ada.bet("k0", 300))
	hear(ada.bet("too-much", 100_000_0))
	hear(ada.send(http.MethodGet, "/v1/rounds/"+a.Round.ID, ""))
	hear(ada.send(http.MethodGet, "/v1/me", ""))
	hear(ada.send(http.MethodGet, "/v1/me/seeds", ""))
	hear(ada.send(http.MethodPost, "/v1/me/seeds", `{"client_seed":"a b"}`))
	hear(s.get("/v1/leaderboard"))
	admin := pg.AdminPool(t)
	var events string
	if err := admin.QueryRow(t.Context(), `SELECT string_agg(o::text, ' ') FROM outbox o`).Scan(&events); err != nil {
		t.Fatal(err)
	}
	said.WriteString(events + s.logged())
	rows, err := admin.Query(t.Context(), `SELECT server_seed FROM seeds`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	n := 0
	for rows.Next() {
		var seed string
		if err := rows.Scan(&seed); err != nil {
			t.Fatal(err)
		}
		if n++; strings.Contains(said.String(), seed) {
			t.Errorf("a secret seed was said: %s", seed)
		}
	}
	if n != 2 {
		t.Errorf("%d seeds; want the active and the next one", n)
	}
	if strings.Contains(s.logged(), ada.token) {
		t.Error("the token is in the log")
	}
}
