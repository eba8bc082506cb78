package main

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/vegascore/vegascore/shared/auth/authtest"
)

// Who may call what is not for players.
const (
	sweeper         = "sweep@vegascore.iam.gserviceaccount.com"
	croupier        = "realtime@vegascore.iam.gserviceaccount.com"
	actionsAudience = "https://actions.vegascore.example"
)

// callers makes the service accept our own services with tokens of g.
func callers(g *authtest.Google) []string {
	return []string{"PUSH_AUDIENCE=" + actionsAudience, "PUSH_EMAIL=" + sweeper + "," + croupier, "PUSH_JWKS_URL=" + g.URL}
}

func TestOnlyOurOwnServicesFinishRounds(t *testing.T) { // rows 58, 66
	t.Parallel()
	g, stranger := authtest.NewGoogle(t), authtest.NewGoogle(t)
	s, pg := begin(t, callers(g)...)
	ada := s.guest("Ada")
	good := authtest.Claims(sweeper, actionsAudience, nil)
	for _, tt := range []struct {
		name, token, body string
		status            int
		code              string
	}{
		{"a player", ada.token, `{"idle_s":60}`, 401, "token_invalid"},
		{"nobody", "", `{"idle_s":60}`, 401, "token_missing"},
		{"another's signature", stranger.Sign(t, authtest.Key, good), `{"idle_s":60}`, 401, "token_invalid"},
		{"for another service", g.Sign(t, authtest.Key, authtest.Claims(sweeper, "https://events.example", nil)), `{"idle_s":60}`, 401, "token_invalid"},
		{"another account", g.Sign(t, authtest.Key, authtest.Claims("mallory@evil.iam.gserviceaccount.com", actionsAudience, nil)), `{"idle_s":60}`, 403, "forbidden"},
		{"an old token", g.Sign(t, authtest.Key, authtest.Claims(sweeper, actionsAudience, map[string]any{"exp": time.Now().Add(-time.Hour).Unix()})), `{"idle_s":60}`, 401, "token_expired"},
		{"too soon", g.Sign(t, authtest.Key, good), `{"idle_s":59}`, 422, "params_invalid"},
		{"no time", g.Sign(t, authtest.Key, good), `{}`, 400, "missing_field"},
		{"the sweep", g.Sign(t, authtest.Key, good), `{"idle_s":60}`, 200, ""},
		{"the croupier", g.Sign(t, authtest.Key, authtest.Claims(croupier, actionsAudience, nil)), `{"idle_s":60}`, 200, ""},
	} {
		var headers []string
		if tt.token != "" {
			headers = []string{"Authorization", "Bearer " + tt.token}
		}
		r := s.send(http.MethodPost, "/v1/rounds/finish", tt.body, headers...)
		if r.status != tt.status || tt.code != "" && r.code() != tt.code {
			t.Errorf("%s: %d %s; want %d %s", tt.name, r.status, r.body, tt.status, tt.code)
		}
	}
	sound(t, pg)
}

func TestWithoutCallersNobodyFinishesRounds(t *testing.T) {
	t.Parallel()
	g := authtest.NewGoogle(t)
	s, _ := begin(t)
	token := g.Sign(t, authtest.Key, authtest.Claims(sweeper, actionsAudience, nil))
	if r := s.send(http.MethodPost, "/v1/rounds/finish", `{"idle_s":60}`, "Authorization", "Bearer "+token); r.status != 403 || r.code() != "forbidden" {
		t.Errorf("%d %s; want forbidden", r.status, r.body)
	}
}

func TestTheSweepFinishesWhatAPlayerLeft(t *testing.T) {
	t.Parallel()
	g := authtest.NewGoogle(t)
	s, pg := begin(t, callers(g)...)
	ada := s.guest("Ada")
	var opened, found answer
	ada.send(http.MethodPost, "/v1/bets", `{"game":"mines","table":"mines-1","stake":1000,"params":{"mines":24}}`, "Idempotency-Key", "k").into(t, &opened)
	for tile := range 25 { // the mine, nearly always
		ada.send(http.MethodPost, "/v1/rounds/"+opened.Round.ID+"/actions", fmt.Sprintf(`{"action":"reveal","tile":%d}`, tile), "Idempotency-Key", fmt.Sprint("a", tile))
	}
	var hand answer
	for n := 0; hand.Round.State != "open"; n++ {
		hand = answer{}
		ada.send(http.MethodPost, "/v1/bets", `{"game":"blackjack","table":"blackjack-1","stake":10,"params":{}}`, "Idempotency-Key", fmt.Sprint("h", n)).into(t, &hand)
	}
	if _, err := pg.AdminPool(t).Exec(t.Context(), `UPDATE rounds SET created_at = created_at - '2 h'::interval WHERE state = 'open'`); err != nil {
		t.Fatal(err)
	}
	token := g.Sign(t, authtest.Key, authtest.Claims(sweeper, actionsAudience, nil))
	r := s.send(http.MethodPost, "/v1/rounds/finish", `{"idle_s":3600}`, "Authorization", "Bearer "+token)
	if r.status != 200 || r.body != `{"settled":1,"void":[],"failed":0}` && r.body != `{"settled":1,"void":[],"failed":0}`+"\n" {
		t.Errorf("finish: %d %s", r.status, r.body)
	}
	ada.send(http.MethodGet, "/v1/rounds/"+hand.Round.ID, "").into(t, &found)
	if found.Round.State != "settled" {
		t.Errorf("the hand: %+v", found.Round)
	}
	sound(t, pg)
}
