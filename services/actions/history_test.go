package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/vegascore/vegascore/services/actions/internal/verify"
)

type page struct {
	Rounds []struct{ ID, Game, State string }
	Next   string `json:"next_cursor"`
}

// playAll plays a round of dice, slots, mines and plinko each to its end, and returns their ids.
func playAll(t *testing.T, ada *player) (ids []string) {
	t.Helper()
	for game, params := range map[string]string{
		"dice": `{"direction":"under","target":5000}`, "plinko": `{"risk":"high","rows":8}`, "slots": `{}`, "mines": `{"mines":3}`, "blackjack": `{}`,
	} {
		var a answer
		r := ada.send(http.MethodPost, "/v1/bets", fmt.Sprintf(`{"game":%q,"table":"%s-1","stake":1000,"params":%s}`, game, game, params), "Idempotency-Key", game)
		r.into(t, &a)
		id := a.Round.ID
		ids = append(ids, id)
		for n, actions := 0, map[string][]string{
			"slots": {`{"action":"spin"}`}, "mines": {`{"action":"reveal","tile":7}`, `{"action":"cash_out"}`},
			"blackjack": {`{"action":"decline"}`, `{"action":"stand"}`},
		}[game]; a.Round.State == "open"; n++ {
			r = ada.send(http.MethodPost, "/v1/rounds/"+id+"/actions", actions[n%len(actions)], "Idempotency-Key", fmt.Sprint(game, n))
			if r.status == 200 {
				r.into(t, &a)
			}
		}
	}
	return ids
}

// Every game's round is played, its seed rotated out, and its bundle verified by the same
// code that players have; a changed byte is found.
func TestABundleVerifiesItsRound(t *testing.T) {
	t.Parallel()
	s, pg := begin(t)
	ada, bob := s.guest("Ada"), s.guest("Bob")
	ids := playAll(t, ada)
	for _, id := range ids {
		if r := ada.send(http.MethodGet, "/v1/rounds/"+id+"/bundle", ""); r.status != 409 || r.code() != "seed_not_revealed" { // row 57
			t.Errorf("before the reveal: %d %s", r.status, r.body)
		}
	}
	if r := ada.send(http.MethodPost, "/v1/me/seeds", `{"client_seed":"next"}`); r.status != 200 {
		t.Fatalf("rotate: %d %s", r.status, r.body)
	}
	for _, id := range ids {
		r := ada.send(http.MethodGet, "/v1/rounds/"+id+"/bundle", "")
		report, err := verify.Check([]byte(r.body))
		if r.status != 200 || err != nil || !report.OK {
			t.Fatalf("bundle: %d %s: %+v, %v", r.status, r.body, report, err)
		}
		text := []byte(strings.TrimSpace(r.body))
		for i := range text {
			changed := bytes.Clone(text)
			changed[i] ^= 1
			if report, err := verify.Check(changed); err == nil && report.OK {
				t.Errorf("byte %d changed from %q: still verified", i, text[i])
			}
		}
		var whole struct{ Bundle json.RawMessage }
		round := ada.send(http.MethodGet, "/v1/rounds/"+id, "")
		round.into(t, &whole)
		if string(whole.Bundle) != string(text) {
			t.Errorf("with the round: %s; want %s", whole.Bundle, text)
		}
		for path, first := range map[string]reply{"": round, "/bundle": r} {
			again := ada.send(http.MethodGet, "/v1/rounds/"+id+path, "", "If-None-Match", first.header.Get("ETag"))
			if again.status != 304 || again.body != "" || first.header.Get("ETag") == "" || first.header.Get("Vary") != "Authorization" {
				t.Errorf("%q again: %d %q; first %v", path, again.status, again.body, first.header)
			}
		}
		if r := bob.send(http.MethodGet, "/v1/rounds/"+id+"/bundle", ""); r.status != 404 || r.code() != "not_found" { // row 52
			t.Errorf("Bob: %d %s", r.status, r.body)
		}
	}
	sound(t, pg)
}

func TestSeedsAreKeptWhileARoundDrawsFromThem(t *testing.T) {
	t.Parallel()
	s, pg := begin(t)
	ada := s.guest("Ada")
	var a answer
	ada.send(http.MethodPost, "/v1/bets", `{"game":"mines","table":"mines-1","stake":10,"params":{"mines":1}}`, "Idempotency-Key", "k").into(t, &a)
	if r := ada.send(http.MethodPost, "/v1/me/seeds", `{"client_seed":"next"}`); r.status != 409 || r.code() != "round_open" {
		t.Errorf("rotate: %d %s", r.status, r.body)
	}
	if r := ada.send(http.MethodGet, "/v1/rounds/"+a.Round.ID+"/bundle", ""); r.status != 409 || r.code() != "round_open" {
		t.Errorf("bundle: %d %s", r.status, r.body)
	}
	for tile := 0; a.Round.State == "open"; tile++ {
		ada.send(http.MethodPost, "/v1/rounds/"+a.Round.ID+"/actions", fmt.Sprintf(`{"action":"reveal","tile":%d}`, tile), "Idempotency-Key", fmt.Sprint("a", tile)).into(t, &a)
	}
	// No answer, log line, event or fact has told the seed so far.
	var seed string
	if err := pg.AdminPool(t).QueryRow(t.Context(), `SELECT server_seed FROM seeds WHERE state = 'active' AND player_id = $1`, ada.ID).Scan(&seed); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(s.logged(), seed) {
		t.Error("the log has the seed")
	}
	if n := count(t, pg, `SELECT count(*) FROM outbox WHERE body::text LIKE '%`+seed+`%'`); n != 0 {
		t.Errorf("%d events have the seed", n)
	}
	if n := count(t, pg, `SELECT count(*) FROM rounds WHERE answer LIKE '%`+seed+`%'`); n != 0 {
		t.Errorf("%d answers have the seed", n)
	}
	if m := (&service{t: t, url: s.internal}).get("/metrics"); m.status != 200 || strings.Contains(m.body, seed) {
		t.Errorf("metrics: %d, or they have the seed", m.status)
	}
	if r := ada.send(http.MethodPost, "/v1/me/seeds", `{"client_seed":"next"}`); r.status != 200 || !strings.Contains(r.body, seed) {
		t.Errorf("rotate: %d %s", r.status, r.body)
	}
}

func TestRoundsAreListedInPages(t *testing.T) {
	t.Parallel()
	s, _ := begin(t)
	ada, bob := s.guest("Ada"), s.guest("Bob")
	bob.bet("k", 1)
	var want []string
	for n := range 7 {
		var a answer
		ada.bet(fmt.Sprint("k", n), 1).into(t, &a)
		want = append(want, a.Round.ID)
	}
	slices.Reverse(want)
	var got []string
	query := "?limit=3"
	for pages := 1; ; pages++ {
		var p page
		r := ada.send(http.MethodGet, "/v1/rounds"+query, "")
		r.into(t, &p)
		for _, round := range p.Rounds {
			got = append(got, round.ID)
		}
		ada.bet(fmt.Sprint("while", pages), 1) // moves no page
		if p.Next == "" {
			if pages != 3 {
				t.Errorf("%d pages; want 3", pages)
			}
			break
		}
		query = "?limit=3&cursor=" + p.Next
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %v; want %v", got, want)
	}
	var mine page
	ada.send(http.MethodPost, "/v1/bets", `{"game":"mines","table":"mines-1","stake":10,"params":{"mines":1}}`, "Idempotency-Key", "m")
	ada.send(http.MethodGet, "/v1/rounds?state=open&game=mines", "").into(t, &mine)
	if len(mine.Rounds) != 1 || mine.Rounds[0].Game != "mines" || mine.Rounds[0].State != "open" || mine.Next != "" {
		t.Errorf("open rounds of mines: %+v", mine)
	}
	for query, code := range map[string]string{
		"?limit=0": "params_invalid", "?limit=101": "params_invalid", "?limit=x": "params_invalid", "?state=lost": "params_invalid",
		"?cursor=x": "cursor_invalid", "?cursor=" + base64.RawURLEncoding.EncodeToString([]byte("x0123456789abcdef")): "cursor_invalid",
		"?cursor=" + strings.Repeat("A", 5000): "cursor_invalid", "?cursor='%3B%20DROP%20TABLE%20rounds%3B--": "cursor_invalid",
	} {
		if r := ada.send(http.MethodGet, "/v1/rounds"+query, ""); r.status != 422 || r.code() != code {
			t.Errorf("%s: %d %s; want %s", query, r.status, r.body, code)
		}
	}
	if r := s.get("/v1/rounds"); r.status != 401 {
		t.Errorf("without a token: %d %s", r.status, r.body)
	}
}
