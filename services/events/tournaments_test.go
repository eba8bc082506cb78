package main

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/vegascore/vegascore/shared/event"
	"github.com/vegascore/vegascore/shared/pgtest"
)

func TestARoundCountsOnceForATournament(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	s, p := start(t, db.URL)
	admin := db.AdminPool(t)
	player, at := uuid.New(), time.Now().UTC()
	_, err := admin.Exec(t.Context(), `
		WITH cup AS (SELECT tournament_create('Cup', '{dice}', 'wagered', 100, now() - interval '1 hour', now() + interval '1 hour', now() - interval '2 hours') AS id)
		INSERT INTO tournament_entries (tournament_id, player_id, key, answer, fee, entered_at)
		SELECT id, $1, 'k', '', 100, now() - interval '1 minute' FROM cup`, player)
	if err != nil {
		t.Fatal(err)
	}
	fact := settled(t, player, "Ada", 100, 0, at)
	round := roundOf(t, fact)
	for _, id := range []uuid.UUID{round, uuid.New()} { // the second one's fact does not come
		_, err := admin.Exec(t.Context(), `
			INSERT INTO rounds (id, player_id, key, request_hash, game, table_id, rules, state, asset, stake, payout, seed_id, nonce, params, answer, settled_at)
			VALUES ($1, $2, $1::uuid::text, sha256(''), 'dice', 'dice-1', 'dice/1', 'settled', 'PLAY', 100, 0, gen_random_uuid(), 0, '{}', '', $3)`, id, player, at)
		if err != nil {
			t.Fatal(err)
		}
	}
	for range 3 {
		for _, function := range []string{"tournaments", "leaderboard"} { // each has its own
			if status, code := s.post(p.url+"/push/"+function, s.token(nil), fact); status != http.StatusNoContent {
				t.Errorf("delivery to %s = %d %s; want 204", function, status, code)
			}
		}
	}
	var points int64
	if err := admin.QueryRow(t.Context(), `SELECT points FROM tournament_entries`).Scan(&points); err != nil || points != 100 {
		t.Errorf("points = %d, %v; want 100", points, err)
	}
	for data, want := range map[string]int{`{"round":7}`: 400, `{}`: 422, `{"round":"` + uuid.NewString() + `"}`: 204} {
		if status, code := s.post(p.url+"/push/tournaments", s.token(nil), envelope(t, event.TypeRoundSettled, []byte(data))); status != want {
			t.Errorf("%s: %d %s; want %d", data, status, code, want)
		}
	}
}

// roundOf is the round of an envelope of settled.
func roundOf(t *testing.T, body []byte) uuid.UUID {
	t.Helper()
	var e struct{ Message struct{ Data []byte } }
	var fact struct{ Round uuid.UUID }
	if err := json.Unmarshal(body, &e); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(e.Message.Data, &fact); err != nil {
		t.Fatal(err)
	}
	return fact.Round
}
