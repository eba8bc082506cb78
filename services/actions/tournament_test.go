package main

import (
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/vegascore/vegascore/shared/pgtest"
)

// cup makes a tournament of dice with a fee of 500, from an hour ago for two hours.
func cup(t *testing.T, pg *pgtest.Database) (id string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), pg.AdminURL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(t.Context()) }()
	err = conn.QueryRow(t.Context(), `SELECT tournament_create('Cup', '{dice}', 'wagered', 500, now() - interval '1 hour', now() + interval '1 hour',
		now() - interval '2 hours')::text`).Scan(&id)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func (p *player) enter(tournament, key string) reply {
	return p.send(http.MethodPost, "/v1/tournaments/"+tournament+"/entries", "{}", "Idempotency-Key", key)
}

func TestATournamentOverHTTP(t *testing.T) {
	t.Parallel()
	s, pg := begin(t)
	ada, bob := s.guest("Ada"), s.guest("Bob")
	id := cup(t, pg)
	first := ada.enter(id, "k")
	if first.status != 201 || !strings.Contains(first.body, `"fee":500`) || !strings.Contains(first.body, `"balance":99500`) {
		t.Fatalf("entry: %d %s", first.status, first.body)
	}
	if r := ada.enter(id, "k"); r.status != 201 || r.body != first.body || r.header.Get("Idempotent-Replayed") != "true" {
		t.Errorf("the same again: %d %s; want %s", r.status, r.body, first.body)
	}
	if r := ada.enter(id, "l"); r.status != 409 || r.code() != "already_entered" {
		t.Errorf("another key: %d %s", r.status, r.body)
	}
	if r := ada.enter(cup(t, pg), "k"); r.status != 422 || r.code() != "key_reused" {
		t.Errorf("another tournament: %d %s", r.status, r.body)
	}
	if r := bob.enter(id, "k"); r.status != 201 { // row 55: keys are scoped per player
		t.Errorf("another player: %d %s", r.status, r.body)
	}
	var one struct {
		Tournament struct {
			State         string
			Entries, Pool int
		}
		Standings []struct {
			Rank, Points int
			Player       struct{ Name string }
		}
		Me *struct{ Rank int }
	}
	r := bob.send(http.MethodGet, "/v1/tournaments/"+id, "")
	r.into(t, &one)
	if one.Tournament.State != "running" || one.Tournament.Entries != 2 || one.Tournament.Pool != 1000 || len(one.Standings) != 2 ||
		one.Standings[0].Player.Name != "Ada" || one.Me == nil || one.Me.Rank != 2 {
		t.Errorf("tournament: %s", r.body)
	}
	if again := bob.send(http.MethodGet, "/v1/tournaments/"+id, "", "If-None-Match", r.header.Get("ETag")); again.status != 304 {
		t.Errorf("unchanged: %d %s; want 304", again.status, again.body)
	}
	if r := s.get("/v1/tournaments/" + id); r.status != 200 || strings.Contains(r.body, `"me"`) {
		t.Errorf("without a token: %d %s", r.status, r.body)
	}
	var list struct{ Tournaments []struct{ ID string } }
	if r := s.get("/v1/tournaments"); r.status != 200 || r.header.Get("ETag") == "" {
		t.Errorf("list: %d %s", r.status, r.body)
	} else if r.into(t, &list); len(list.Tournaments) != 2 {
		t.Errorf("list: %s; want two", r.body)
	}
	if n := count(t, pg, `SELECT count(*) FROM outbox WHERE type = 'balance'`); n != 2 {
		t.Errorf("%d balances told; want 2", n)
	}
	sound(t, pg)
}

// A fee is a stake for what protects a player.
func TestLimitsHoldForFees(t *testing.T) {
	t.Parallel()
	s, pg := begin(t)
	ada, id := s.guest("Ada"), cup(t, pg)
	_ = count(t, pg, `SELECT count(protection_limits($1, '{stake}', '{24h}', '{700}', 60))`, ada.ID)
	if r := ada.enter(id, "k"); r.status != 201 {
		t.Fatalf("within the limit: %d %s", r.status, r.body)
	}
	if r := ada.enter(cup(t, pg), "l"); r.status != 403 || r.code() != "limit_reached" || !strings.Contains(r.body, `"limit":"stake"`) {
		t.Errorf("beyond it: %d %s", r.status, r.body)
	}
	if r := ada.bet("m", 201); r.status != 403 || r.code() != "limit_reached" {
		t.Errorf("a bet beyond it: %d %s", r.status, r.body)
	}
	if ada.balance() != 99_500 {
		t.Errorf("balance %d", ada.balance())
	}
	sound(t, pg)
}

// The same request a hundred times at once has one effect (fault 37).
func TestOneEntryAHundredTimesOverHTTP(t *testing.T) {
	t.Parallel()
	s, pg := begin(t)
	ada, id := s.guest("Ada"), cup(t, pg)
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() {
			r := ada.enter(id, "k")
			for r.status == 503 { // busy: the same key again
				r = ada.enter(id, "k")
			}
			if r.status != 201 {
				t.Errorf("%d %s", r.status, r.body)
			}
		})
	}
	wg.Wait()
	if n := count(t, pg, `SELECT count(*) FROM ledger_transfers WHERE kind = 'entry'`); n != 1 || ada.balance() != 99_500 {
		t.Errorf("%d entries, balance %d; want one", n, ada.balance())
	}
	sound(t, pg)
}

func TestBadEntriesAreRefused(t *testing.T) {
	t.Parallel()
	s, pg := begin(t)
	ada, id := s.guest("Ada"), cup(t, pg)
	early := cup(t, pg)
	_ = count(t, pg, `WITH moved AS (UPDATE tournaments SET opens_at = now() + interval '1 min', starts_at = now() + interval '1 min' WHERE id = $1 RETURNING 1)
		SELECT count(*) FROM moved`, early)
	path := "/v1/tournaments/" + id + "/entries"
	for _, test := range []struct {
		what, request string
		status        int
		code          string
	}{
		{"a fee of one's own", post(path, ada.token, `{"fee":1}`), 400, "unknown_field"}, // row 56
		{"points sent along", post(path, ada.token, `{"points":9}`), 400, "unknown_field"},
		{"null", post(path, ada.token, `null`), 400, "wrong_type"},
		{"a list", post(path, ada.token, `[]`), 400, "wrong_type"},
		{"no body", post(path, ada.token, ``), 400, "bad_json"},
		{"a second value", post(path, ada.token, `{}{}`), 400, "bad_json"},
		{"over 16 KiB", post(path, ada.token, strings.Repeat(" ", 17<<10)+`{}`), 413, "body_too_large"},
		{"text/plain", post(path, ada.token, `{}`, "Content-Type", "text/plain"), 415, "unsupported_media_type"},
		{"gzip", post(path, ada.token, `{}`, "Content-Encoding", "gzip"), 415, "unsupported_media_type"},
		{"no key", post(path, ada.token, `{}`, "Idempotency-Key", "-"), 400, "key_missing"},
		{"long key", post(path, ada.token, `{}`, "Idempotency-Key", strings.Repeat("k", 65)), 400, "key_malformed"},
		{"two keys", post(path, ada.token, `{}`, "Idempotency-Key", "a\r\nIdempotency-Key: b"), 400, "key_malformed"},
		{"no token", post(path, "", `{}`, "Authorization", "-"), 401, "token_missing"},
		{"bad token", post(path, "x.y.z", `{}`), 401, "token_invalid"},
		{"unknown tournament", post("/v1/tournaments/"+uuid.NewString()+"/entries", ada.token, `{}`), 404, "not_found"},
		{"upper case", post("/v1/tournaments/"+strings.ToUpper(id)+"/entries", ada.token, `{}`), 404, "not_found"},
		{"SQL for an id", post("/v1/tournaments/1'--/entries", ada.token, `{}`), 404, "not_found"},
		{"before it opens", post("/v1/tournaments/"+early+"/entries", ada.token, `{}`), 409, "tournament_closed"},
		{"GET of entries", strings.Replace(post(path, ada.token, ""), "POST", "GET", 1), 405, "method_not_allowed"},
		{"POST to the list", post("/v1/tournaments", ada.token, `{}`), 405, "method_not_allowed"}, // row 58: players make none
		{"PUT", strings.Replace(post("/v1/tournaments/"+id, ada.token, `{}`), "POST", "PUT", 1), 405, "method_not_allowed"},
		{"id that is none", strings.Replace(post("/v1/tournaments/x", ada.token, ""), "POST", "GET", 1), 404, "not_found"},
		{"bad token for standings", strings.Replace(post("/v1/tournaments/"+id, "x.y.z", ""), "POST", "GET", 1), 401, "token_invalid"},
	} {
		r := s.raw(t, test.request)
		if r.status != test.status || r.code() != test.code {
			t.Errorf("%s: %d %s; want %d %s", test.what, r.status, r.body, test.status, test.code)
		}
		checkRefusal(t, test.what, r)
	}
	if n := count(t, pg, `SELECT count(*) FROM tournament_entries`); n != 0 || ada.balance() != 100_000 {
		t.Errorf("%d entries, balance %d; want none", n, ada.balance())
	}
	if r := s.raw(t, post(path, ada.token, `{}`)); r.status != 201 { // the key stayed free
		t.Errorf("a good entry: %d %s", r.status, r.body)
	}
	sound(t, pg)
}
