package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/vegascore/vegascore/shared/auth/authtest"
	"github.com/vegascore/vegascore/shared/pgtest"
)

// standing is an answer of advance.
type standing struct {
	Table  string `json:"table"`
	Round  string `json:"round"`
	Seq    int64  `json:"seq"`
	State  string `json:"state"`
	NextMS int64  `json:"next_ms"`
}

// leader calls as the croupier of a table does.
type leader struct {
	*service
	google *authtest.Google
}

func (l leader) advance(table, body string) reply {
	token := l.google.Sign(l.t, authtest.Key, authtest.Claims(croupier, actionsAudience, nil))
	return l.send(http.MethodPost, "/v1/tables/"+table+"/advance", body, "Authorization", "Bearer "+token)
}

// until moves a table on, with a clock that runs, until it is in a state.
func (l leader) until(table, state string) standing {
	l.t.Helper()
	for deadline := time.Now().Add(patience); ; {
		var s standing
		l.advance(table, `{"fence":1}`).into(l.t, &s)
		if s.State == state {
			return s
		}
		if time.Now().After(deadline) {
			l.t.Fatalf("table %s is %s; want %s", table, s.State, state)
		}
		<-time.After(time.Duration(s.NextMS) * time.Millisecond)
	}
}

// fast starts the service with tables that are 10 times as fast.
func fast(t *testing.T) (leader, *pgtest.Database) {
	t.Helper()
	g := authtest.NewGoogle(t)
	s, pg := begin(t, append(callers(g), "TABLE_SPEED=10")...)
	return leader{s, g}, pg
}

func TestRouletteIsPlayedOverHTTP(t *testing.T) {
	t.Parallel()
	l, pg := fast(t)
	ada := l.guest("Ada")
	place := func(key, table, params string) reply {
		game, _, _ := strings.Cut(table, "-")
		return ada.send(http.MethodPost, "/v1/bets", fmt.Sprintf(`{"game":%q,"table":%q,"stake":100,"params":%s}`, game, table, params), "Idempotency-Key", key)
	}
	if r := place("early", "roulette-1", `{"bet":"red"}`); r.status != 409 || r.code() != "bets_closed" {
		t.Errorf("before the first round: %d %s", r.status, r.body)
	}
	l.until("roulette-1", "open")
	var red answer
	for n := 0; ; n++ { // its time may be over meanwhile
		if r := place(fmt.Sprint("red", n), "roulette-1", `{"bet":"red"}`); r.status == 201 {
			r.into(t, &red)
			break
		} else if r.code() != "bets_closed" || n == 100 {
			t.Fatalf("bet: %d %s", r.status, r.body)
		}
		l.until("roulette-1", "settled")
		l.until("roulette-1", "open")
	}
	settled := l.until("roulette-1", "settled")
	if r := ada.send(http.MethodGet, "/v1/rounds/"+red.Round.ID, ""); r.status != 200 || !strings.Contains(r.body, `"state":"settled"`) || !strings.Contains(r.body, `"bundle":`) {
		t.Errorf("the bet: %d %s", r.status, r.body)
	}
	r := l.get("/v1/tables/roulette-1")
	if r.status != 200 || !strings.Contains(r.body, settled.Round) || !strings.Contains(r.body, `"pocket":`) {
		t.Errorf("the table: %d %s", r.status, r.body)
	}
	if again := l.send(http.MethodGet, "/v1/tables/roulette-1", "", "If-None-Match", r.header.Get("ETag")); again.status != 304 {
		t.Errorf("the table again: %d", again.status)
	}

	var auto answer
	for n := 1; auto.Round.ID == ""; n++ { // how long a crash lasts nobody knows: each table is tried once
		table := fmt.Sprint("crash-", n)
		l.until(table, "open")
		if r := place(table, table, `{"auto":101}`); r.status == 201 {
			r.into(t, &auto)
		} else if r.code() != "bets_closed" || n == 4 {
			t.Fatalf("bet: %d %s", r.status, r.body)
		}
	}
	if r := ada.send(http.MethodPost, "/v1/rounds/"+auto.Round.ID+"/actions", `{"action":"cash_out"}`, "Idempotency-Key", "out"); r.status != 409 || r.code() != "action_refused" {
		t.Errorf("out before the start: %d %s", r.status, r.body)
	}
	if r := ada.send(http.MethodPost, "/v1/rounds/"+auto.Round.ID+"/actions", `{"action":"cash_out","at_ms":100}`, "Idempotency-Key", "out"); r.status != 400 || r.code() != "unknown_field" {
		t.Errorf("a time of the player's own: %d %s", r.status, r.body)
	}
	sound(t, pg)
}

func TestOnlyOurOwnServicesMoveTablesOn(t *testing.T) { // rows 58, 66
	t.Parallel()
	l, pg := fast(t)
	ada := l.guest("Ada")
	if r := ada.send(http.MethodPost, "/v1/tables/roulette-1/advance", `{"fence":1}`); r.status != 401 || r.code() != "token_invalid" {
		t.Errorf("a player: %d %s", r.status, r.body)
	}
	if r := l.send(http.MethodPost, "/v1/tables/roulette-1/advance", `{"fence":1}`); r.status != 401 || r.code() != "token_missing" {
		t.Errorf("nobody: %d %s", r.status, r.body)
	}
	for _, tt := range []struct {
		table, body string
		status      int
		code        string
	}{
		{"roulette-9", `{"fence":1}`, 404, "not_found"},
		{"dice-1", `{"fence":1}`, 404, "not_found"},
		{"roulette-1", `{"fence":-1}`, 422, "params_invalid"},
		{"roulette-1", `{"fence":"1"}`, 400, "wrong_type"},
		{"roulette-1", `{"fence":1.5}`, 400, "wrong_type"},
		{"roulette-1", `{"table":"roulette-2"}`, 400, "unknown_field"},
		{"roulette-1", `{"fence":1795000000002}`, 200, ""},
		{"roulette-1", `{"fence":1795000000001}`, 409, "stale_fence"},
		{"roulette-1", `{}`, 200, ""},
	} {
		r := l.advance(tt.table, tt.body)
		if r.status != tt.status || tt.code != "" && r.code() != tt.code {
			t.Errorf("%s %s: %d %s; want %d %s", tt.table, tt.body, r.status, r.body, tt.status, tt.code)
		}
		if tt.code == "stale_fence" && !strings.Contains(r.body, `"fence":1795000000002`) {
			t.Errorf("stale: %s", r.body)
		}
	}
	if r := l.get("/v1/tables/roulette-9"); r.status != 404 || r.code() != "not_found" {
		t.Errorf("a table that is not there: %d %s", r.status, r.body)
	}
	sound(t, pg)
}
