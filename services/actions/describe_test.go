package main

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/vegascore/vegascore/services/actions/internal/api"
)

// functionPaths are the paths of all functions, by name.
var functionPaths = sync.OnceValue(func() map[string]string {
	paths := map[string]string{}
	for _, f := range new(api.API).Functions() {
		paths[f.Name] = f.Path
	}
	return paths
})

// probes are the paths that every process has beside its functions.
var probes = []string{"GET /live", "GET /ready", "GET /health"}

func TestEveryFunctionIsDescribed(t *testing.T) {
	t.Parallel()
	router, err := described()
	if err != nil {
		t.Fatal(err)
	}
	route, _, err := router.FindRoute(&http.Request{Method: http.MethodGet, URL: &url.URL{Path: "/v1/openapi.json"}})
	if err != nil {
		t.Fatal(err)
	}
	served := slices.Clone(probes)
	for _, f := range new(api.API).Functions() {
		for _, method := range f.Methods() {
			served = append(served, method+" "+f.Path)
		}
	}
	var listed []string
	for path, item := range route.Spec.Paths.Map() {
		for method := range item.Operations() {
			listed = append(listed, strings.ToUpper(method)+" "+path)
		}
	}
	for _, operation := range served {
		if !slices.Contains(listed, operation) {
			t.Errorf("%s is served and not described: see package openapi", operation)
		}
	}
	for _, operation := range listed {
		if !slices.Contains(served, operation) {
			t.Errorf("%s is described and not served", operation)
		}
	}
}

// What an answer may not be: each is one byte or field away from a good one.
func TestWrongAnswersAreNoticed(t *testing.T) {
	t.Parallel()
	const played = `{"round":{"id":"01890a5d-ac96-774b-bcce-b302099a8057","game":"dice","table":"dice-1","state":"settled","stake":100,"staked":100,"payout":198,` +
		`"outcome":{"roll":1234,"win":true,"multiplier":"1.9801"},"nonce":0,"client_seed":"my-own",` +
		`"server_seed_hash":"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08","rules":"dice/1","balance":100098}}`
	const refused = `{"type":"/v1/problems/key_reused","title":"Key reused","status":422,"code":"key_reused","detail":"x"}`
	for _, test := range []struct {
		what, old, changed string
		status             int
		right              bool
	}{
		{"the right one", "", "", 201, true},
		{"a field more", `"nonce":0`, `"nonce":0,"server_seed":"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"`, 201, false},
		{"a field more in the outcome", `"win":true`, `"win":true,"luck":1`, 201, false},
		{"a field less", `"payout":198,`, ``, 201, false},
		{"a field of another name", `"balance"`, `"Balance"`, 201, false},
		{"an amount as text", `"payout":198`, `"payout":"198"`, 201, false},
		{"a fraction", `"payout":198`, `"payout":198.5`, 201, false},
		{"a negative balance", `100098`, `-1`, 201, false},
		{"a multiplier as a number", `"1.9801"`, `1.9801`, 201, false},
		{"no outcome", `{"roll":1234,"win":true,"multiplier":"1.9801"}`, `null`, 201, false},
		{"an outcome of another game", `"game":"dice"`, `"game":"plinko"`, 201, false},
		{"a view of a settled round", `"nonce":0`, `"nonce":0,"view":{}`, 201, false},
		{"a state that is none", `"settled"`, `"done"`, 201, false},
		{"an id in capitals", `01890a5d-ac96`, `01890A5D-AC96`, 201, false},
		{"another status", "", "", 202, false},
		{"the right refusal", played, refused, 422, true},
		{"a code that bets have not", played, strings.ReplaceAll(refused, "key_reused", "seed_invalid"), 422, false},
		{"a code with another status", played, refused, 400, false},
		{"a refusal without a code", played, `{"type":"about:blank","title":"x","status":422}`, 422, false},
	} {
		body := strings.Replace(played, test.old, test.changed, 1)
		r, err := http.NewRequest(http.MethodPost, "/v1/bets", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Idempotency-Key", "k")
		media := "application/json"
		if test.status >= 400 {
			media = "application/problem+json"
		}
		err = conformity(t, r, "/v1/bets", good, reply{test.status, http.Header{"Content-Type": {media}}, body})
		if (err == nil) != test.right {
			t.Errorf("%s: %v", test.what, err)
		}
		r.Header.Del("Idempotency-Key")
		if err := conformity(t, r, "/v1/bets", good, reply{201, http.Header{"Content-Type": {media}}, played}); err == nil {
			t.Error("a request without its key was taken, and nothing noticed")
		}
	}
}

func TestTheDescriptionIsServedUnderATag(t *testing.T) {
	t.Parallel()
	s, _ := begin(t)
	for path, media := range map[string]string{
		"/v1/openapi.json": "application/json", "/v1/docs": "text/html; charset=utf-8", "/v1/problems": "application/json", "/v1/problems/key_reused": "application/json",
	} {
		first := s.get(path)
		tag := first.header.Get("ETag")
		if first.status != 200 || first.header.Get("Content-Type") != media || len(tag) < 10 || first.header.Get("Cache-Control") != "no-cache" {
			t.Errorf("%s: %d %v", path, first.status, first.header)
		}
		for _, known := range []string{tag, "W/" + tag, `"other", ` + tag, "*"} {
			if r := s.get(path, "If-None-Match", known); r.status != 304 || r.body != "" || r.header.Get("ETag") != tag {
				t.Errorf("%s for who has %s: %d %q", path, known, r.status, r.body)
			}
		}
		if r := s.get(path, "If-None-Match", `"other"`); r.status != 200 || r.body != first.body {
			t.Errorf("%s for who has another: %d", path, r.status)
		}
		if r := s.send(http.MethodHead, path, ""); r.status != 200 || r.body != "" || r.header.Get("ETag") != tag {
			t.Errorf("HEAD %s: %d %q", path, r.status, r.body)
		}
	}
	if policy := s.get("/v1/docs").header.Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") {
		t.Errorf("the page's policy: %s", policy)
	}
	if r := s.get("/v1/problems/none"); r.status != 404 || r.code() != "not_found" {
		t.Errorf("no such code: %d %s", r.status, r.body)
	}
}

// The type of a problem leads to its entry.
func TestTheTypeOfAProblemIsThere(t *testing.T) {
	t.Parallel()
	s, _ := begin(t)
	var refused struct{ Type, Code, Title string }
	s.get("/v1/me").into(t, &refused)
	var entry struct {
		Problem struct{ Code, Title, Meaning, Remedy string }
	}
	s.get(refused.Type).into(t, &entry)
	if entry.Problem.Code != "token_missing" || entry.Problem.Title != refused.Title || entry.Problem.Remedy == "" {
		t.Errorf("%s: %+v; the problem was %+v", refused.Type, entry, refused)
	}
}
