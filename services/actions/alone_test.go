package main

import (
	"maps"
	"net/http"
	"slices"
	"sync"
	"testing"

	"github.com/vegascore/vegascore/shared/auth/authtest"
)

// Each function in a process of its own, as it is deployed with FUNCTION_TARGET: at its
// full path and at "/".
func TestEachFunctionAlone(t *testing.T) {
	t.Parallel()
	g := authtest.NewGoogle(t)
	all, pg := begin(t, callers(g)...)
	ada := all.guest("Ada")
	var settled, open, shown answer
	ada.bet("settled", 100).into(t, &settled)
	ada.send(http.MethodPost, "/v1/bets", `{"game":"mines","table":"mines-1","stake":100,"params":{"mines":1}}`, "Idempotency-Key", "open").into(t, &open)

	player := []string{"Authorization", "Bearer " + ada.token}
	another := func(name string) []string { return []string{"Authorization", "Bearer " + all.guest(name).token} }
	fay := all.guest("Fay")
	fay.bet("shown", 100).into(t, &shown)
	fay.send(http.MethodPost, "/v1/me/seeds", `{"client_seed":"next"}`)
	revealed := []string{"Authorization", "Bearer " + fay.token}
	keyed := append(slices.Clone(player), "Idempotency-Key", "alone")
	sweep := []string{"Authorization", "Bearer " + g.Sign(t, authtest.Key, authtest.Claims(sweeper, actionsAudience, nil))}
	id, looked := cup(t, pg), cup(t, pg)
	const tile = `{"action":"reveal","tile":0}`
	tests := map[string]struct {
		method, body string
		headers      []string
		status       int
		paths        []string // the first one is the path behind the front door
	}{
		"guests":             {http.MethodPost, `{"name":"Bob"}`, nil, 201, []string{"/v1/guests", "/"}},
		"me":                 {http.MethodGet, "", another("Hal"), 200, []string{"/v1/me", "/"}},
		"seeds":              {http.MethodGet, "", another("Ivy"), 200, []string{"/v1/me/seeds", "/"}},
		"bets":               {http.MethodPost, betBody(100), keyed, 201, []string{"/v1/bets", "/"}},
		"limits":             {http.MethodGet, "", another("Jo"), 200, []string{"/v1/me/limits", "/"}},
		"time-out":           {http.MethodPost, `{"hours":24}`, another("Bob"), 200, []string{"/v1/me/time_out", "/"}},
		"self-exclusion":     {http.MethodPost, `{"months":6}`, another("Cy"), 200, []string{"/v1/me/self_exclusion", "/"}},
		"activity":           {http.MethodGet, "", another("Di"), 200, []string{"/v1/me/activity", "/"}},
		"rounds":             {http.MethodGet, "", another("Eve"), 200, []string{"/v1/rounds?limit=2", "/?limit=2"}},
		"round":              {http.MethodGet, "", player, 200, []string{"/v1/rounds/" + settled.Round.ID, "/" + settled.Round.ID}},
		"round-bundle":       {http.MethodGet, "", revealed, 200, []string{"/v1/rounds/" + shown.Round.ID + "/bundle", "/" + shown.Round.ID, "/" + shown.Round.ID + "/bundle"}},
		"round-actions":      {http.MethodPost, tile, keyed, 200, []string{"/v1/rounds/" + open.Round.ID + "/actions", "/" + open.Round.ID, "/" + open.Round.ID + "/actions"}},
		"rounds-finish":      {http.MethodPost, `{"idle_s":3600}`, sweep, 200, []string{"/v1/rounds/finish", "/"}},
		"games":              {http.MethodGet, "", nil, 200, []string{"/v1/games", "/"}},
		"tables":             {http.MethodGet, "", nil, 200, []string{"/v1/tables", "/"}},
		"table":              {http.MethodGet, "", nil, 200, []string{"/v1/tables/roulette-2", "/roulette-2"}},
		"table-advance":      {http.MethodPost, "{}", sweep, 200, []string{"/v1/tables/roulette-2/advance", "/roulette-2", "/roulette-2/advance"}},
		"jackpot":            {http.MethodGet, "", nil, 200, []string{"/v1/jackpot", "/"}},
		"leaderboard":        {http.MethodGet, "", nil, 200, []string{"/v1/leaderboard?limit=5", "/?limit=5"}},
		"tournaments":        {http.MethodGet, "", nil, 200, []string{"/v1/tournaments", "/"}},
		"tournament":         {http.MethodGet, "", nil, 200, []string{"/v1/tournaments/" + looked, "/" + looked}},
		"tournament-entries": {http.MethodPost, "{}", append(another("Gus"), "Idempotency-Key", "alone"), 201, []string{"/v1/tournaments/" + id + "/entries", "/" + id, "/" + id + "/entries"}},
		"openapi":            {http.MethodGet, "", nil, 200, []string{"/v1/openapi.json", "/"}},
		"docs":               {http.MethodGet, "", nil, 200, []string{"/v1/docs", "/"}},
		"problems":           {http.MethodGet, "", nil, 200, []string{"/v1/problems", "/"}},
		"problem":            {http.MethodGet, "", nil, 200, []string{"/v1/problems/key_reused", "/key_reused"}},
	}
	if got, want := slices.Sorted(maps.Keys(functionPaths())), slices.Sorted(maps.Keys(tests)); !slices.Equal(got, want) {
		t.Fatalf("functions %v; tried %v", got, want)
	}
	changing := map[string]bool{"guests": true, "tournaments": true, "time-out": true, "self-exclusion": true} // with each call
	atOnce := make(chan struct{}, 3)                                                                           // processes
	var wg sync.WaitGroup
	for name, test := range tests {
		wg.Go(func() {
			atOnce <- struct{}{}
			defer func() { <-atOnce }()
			s := launch(t, pg, append(callers(g), "FUNCTION_TARGET="+name)...)
			defer s.kill()
			var first reply
			for i, path := range test.paths {
				r := s.send(test.method, path, test.body, test.headers...)
				if r.status != test.status {
					t.Errorf("%s alone: %s %s: %d %s; want %d", name, test.method, path, r.status, r.body, test.status)
				}
				if i == 0 {
					first = r
				} else if !changing[name] && r.body != first.body {
					t.Errorf("%s alone: %s is answered with %s; %s with %s", name, path, r.body, test.paths[0], first.body)
				}
			}
			if r := s.send(http.MethodPatch, "/", ""); r.status != 405 {
				t.Errorf("%s alone: PATCH /: %d %s", name, r.status, r.body)
			}
		})
	}
	wg.Wait()
}

// A wildcard takes nothing that is not there.
func TestAFunctionAloneWithoutItsID(t *testing.T) {
	t.Parallel()
	all, pg := begin(t)
	ada := all.guest("Ada")
	rounds := &player{launch(t, pg, "FUNCTION_TARGET=round"), ada.ID, ada.Name, ada.token}
	for _, path := range []string{"/", "/v1/rounds/", "/v1/rounds", "/v1/me", "/1/", "/%2e%2e"} {
		if r := rounds.send(http.MethodGet, path, ""); r.status != 404 || r.code() != "not_found" {
			t.Errorf("%s: %d %s; want 404 not_found", path, r.status, r.body)
		}
	}
}
