package main

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/vegascore/vegascore/shared/ledger/oracle"
	"github.com/vegascore/vegascore/shared/pgtest"
)

// player is a guest with a token.
type player struct {
	s     *service
	ID    string
	Name  string
	token string
}

// guest signs a player in.
func (s *service) guest(name string) *player {
	s.t.Helper()
	r := s.send(http.MethodPost, "/v1/guests", fmt.Sprintf(`{"name":%q}`, name))
	var body struct {
		Player struct{ ID, Name string }
		Token  string
	}
	r.into(s.t, &body)
	if r.status != http.StatusCreated || body.Token == "" {
		s.t.Fatalf("guest: %d %s", r.status, r.body)
	}
	return &player{s, body.Player.ID, body.Player.Name, body.Token}
}

// send sends a request with the player's token.
func (p *player) send(method, path, body string, headers ...string) reply {
	return p.s.send(method, path, body, append(headers, "Authorization", "Bearer "+p.token)...)
}

// bet places a dice bet under 50.00.
func (p *player) bet(key string, stake int) reply {
	return p.send(http.MethodPost, "/v1/bets", betBody(stake), "Idempotency-Key", key)
}

func betBody(stake int) string {
	return fmt.Sprintf(`{"game":"dice","table":"dice-1","stake":%d,"params":{"direction":"under","target":5000}}`, stake)
}

// balance is what /v1/me says.
func (p *player) balance() int {
	p.s.t.Helper()
	var body struct{ Balance int }
	p.send(http.MethodGet, "/v1/me", "").into(p.s.t, &body)
	return body.Balance
}

// answer is the body of a bet's answer.
type answer struct {
	Round struct {
		ID, Game, Table, State, Rules string
		Stake, Payout, Balance        int
		Nonce                         uint64
		ClientSeed                    string `json:"client_seed"`
		ServerSeedHash                string `json:"server_seed_hash"`
		ServerSeed                    string `json:"server_seed"`
		Outcome                       struct {
			Roll       uint64
			Win        bool
			Multiplier string
		}
	}
}

// count runs a query for a number as the superuser.
func count(t *testing.T, pg *pgtest.Database, sql string, args ...any) (n int) {
	t.Helper()
	// A connection and not a pool, which would stay open until the test ends: tests
	// poll with this.
	conn, err := pgx.Connect(t.Context(), pg.AdminURL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(t.Context()) }()
	if err := conn.QueryRow(t.Context(), sql, args...).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// sound asks the oracle now; every test that begins with begin ends with it anyway.
func sound(t *testing.T, pg *pgtest.Database) {
	t.Helper()
	oracle.Judge(t, pg)
}
