package main

import (
	"fmt"
	"net/http"
	"testing"
)

// A round of mines over HTTP: opened, looked up, played to its end, and what is refused
// on the way.
func TestARoundOfStepsOverHTTP(t *testing.T) {
	t.Parallel()
	s, pg := begin(t)
	ada, bob := s.guest("Ada"), s.guest("Bob")
	const bet = `{"game":"mines","table":"mines-1","stake":1000,"params":{"mines":1}}`
	opened := ada.send(http.MethodPost, "/v1/bets", bet, "Idempotency-Key", "k")
	var a answer
	opened.into(t, &a)
	id := a.Round.ID
	if opened.status != 201 || a.Round.State != "open" || a.Round.Balance != 99_000 {
		t.Fatalf("opened: %d %s", opened.status, opened.body)
	}
	act := func(p *player, key, id, action string) reply {
		headers := []string{"Idempotency-Key", key}
		if key == "" {
			headers = nil
		}
		return p.send(http.MethodPost, "/v1/rounds/"+id+"/actions", action, headers...)
	}
	for _, tt := range []struct {
		name   string
		r      reply
		status int
		code   string
	}{
		{"a second round of the game", ada.send(http.MethodPost, "/v1/bets", bet, "Idempotency-Key", "k2"), 409, "round_open"},
		{"a skipped step", act(ada, "a", id, `{"action":"cash_out"}`), 409, "action_refused"},                        // row 54
		{"another player", act(bob, "a", id, `{"action":"cash_out"}`), 404, "not_found"},                             // row 52
		{"no such round", act(ada, "a", "0198f2d0-0000-7000-8000-000000000000", `{"action":"x"}`), 404, "not_found"}, // row 52
		{"no id", act(ada, "a", "first", `{"action":"x"}`), 404, "not_found"},
		{"no key", act(ada, "", id, `{"action":"reveal","tile":1}`), 400, "key_missing"},
		{"a bad key", act(ada, "a b", id, `{"action":"reveal","tile":1}`), 400, "key_malformed"},
		{"an outcome sent along", act(ada, "a", id, `{"action":"reveal","tile":1,"mines":[]}`), 400, "unknown_field"}, // row 56
		{"a tile as text", act(ada, "a", id, `{"action":"reveal","tile":"1"}`), 400, "wrong_type"},                    // row 36
		{"a tile twice", act(ada, "a", id, `{"action":"reveal","tile":1,"tile":2}`), 400, "duplicate_field"},          // row 32
		{"no tile 25", act(ada, "a", id, `{"action":"reveal","tile":25}`), 422, "action_invalid"},
		{"null", act(ada, "a", id, `null`), 400, "wrong_type"}, // row 35
		{"a token of nobody", s.send(http.MethodPost, "/v1/rounds/"+id+"/actions", `{}`, "Idempotency-Key", "a"), 401, "token_missing"},
	} {
		if tt.r.status != tt.status || tt.r.code() != tt.code {
			t.Errorf("%s: %d %s; want %d %s", tt.name, tt.r.status, tt.r.body, tt.status, tt.code)
		}
	}
	var last answer
	for tile := 0; last.Round.State != "settled"; tile++ { // until the mine, or all 24 others
		key, action := fmt.Sprint("t", tile), fmt.Sprintf(`{"action":"reveal","tile":%d}`, tile)
		r := act(ada, key, id, action)
		if again := act(ada, key, id, action); r.status != 200 || again.body != r.body || again.header.Get("Idempotent-Replayed") != "true" {
			t.Fatalf("tile %d: %d %s, again %d %s", tile, r.status, r.body, again.status, again.body)
		}
		r.into(t, &last)
	}
	if ada.balance() != last.Round.Balance || last.Round.Balance != 99_000+last.Round.Payout {
		t.Errorf("balance %d; the last answer says %+v", ada.balance(), last.Round)
	}
	if r := act(ada, "late", id, `{"action":"cash_out"}`); r.status != 409 || r.code() != "round_over" { // row 53
		t.Errorf("after the end: %d %s", r.status, r.body)
	}
	sound(t, pg)
}
