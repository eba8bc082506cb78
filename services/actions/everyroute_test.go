package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/vegascore/vegascore/shared/auth/authtest"
	"github.com/vegascore/vegascore/shared/pgtest"
	"github.com/vegascore/vegascore/shared/problem"
)

// route is an operation of the description with a good request to begin with.
type route struct {
	method, pattern, path string
	op                    *openapi3.Operation
	allowed               []string // methods of the path
	token                 string   // "" for an operation that knows no tokens
	way                   string   // to prove who one is
	forged                []forged // tokens that prove nothing
	others                []string // ids of what belongs to somebody else
	needsToken            bool
	body                  map[string]json.RawMessage // nil without one
	keyed                 bool
}

// request is the good one, with headers set otherwise; "-" leaves one out.
func (r route) request(path, body string, headers ...string) string {
	all := map[string]string{"Host": "casino", "Connection": "close"}
	if r.token != "" {
		all["Authorization"] = "Bearer " + r.token
	}
	if r.body != nil {
		all["Content-Type"], all["Content-Length"] = "application/json", fmt.Sprint(len(body))
	}
	if r.keyed {
		all["Idempotency-Key"] = "every-route"
	}
	for i := 0; i < len(headers); i += 2 {
		all[headers[i]] = headers[i+1]
	}
	text := r.method + " " + path + " HTTP/1.1\r\n"
	for name, value := range all {
		if value != "-" {
			text += name + ": " + value + "\r\n"
		}
	}
	return text + "\r\n" + body
}

// good is the body of the good request.
func (r route) good() string {
	if r.body == nil {
		return ""
	}
	text, err := json.Marshal(r.body)
	if err != nil {
		panic(err) // it was read from JSON
	}
	return string(text)
}

// everyRoute reads the operations of the description. ids are what stands for a wildcard in
// a pattern, tokens those of the ways to prove who one is.
func everyRoute(t *testing.T, ids, tokens map[string]string) (all []route) {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData(description(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, pattern := range slices.Sorted(maps.Keys(doc.Paths.Map())) {
		operations := doc.Paths.Value(pattern).Operations()
		allowed := slices.Sorted(maps.Keys(operations))
		for _, method := range allowed {
			op := operations[method]
			if slices.Contains(probes, method+" "+pattern) {
				continue
			}
			r := route{method: method, pattern: pattern, path: fill(pattern, ids), op: op, allowed: allowed, needsToken: true}
			for _, way := range *op.Security {
				if len(way) == 0 {
					r.needsToken = false
				}
				for name := range way {
					r.way, r.token = name, tokens[name]
				}
			}
			if len(*op.Security) == 0 {
				r.needsToken = false
			}
			for _, p := range op.Parameters {
				r.keyed = r.keyed || p.Value.Name == "Idempotency-Key"
			}
			if op.RequestBody != nil {
				r.body = example(t, method+" "+pattern, op.RequestBody.Value.Content["application/json"])
			}
			all = append(all, r)
		}
	}
	return all
}

func example(t *testing.T, what string, media *openapi3.MediaType) (members map[string]json.RawMessage) {
	t.Helper()
	found := media.Example
	for _, name := range slices.Sorted(maps.Keys(media.Examples)) {
		found = media.Examples[name].Value.Value
	}
	text, err := json.Marshal(found)
	if err != nil || json.Unmarshal(text, &members) != nil || members == nil {
		t.Fatalf("%s: its body has no example that is an object: %s", what, text)
	}
	return members
}

// fill puts an id in the place of a wildcard.
func fill(pattern string, ids map[string]string) string {
	before, rest, found := strings.Cut(pattern, "{")
	if !found {
		return pattern
	}
	_, after, _ := strings.Cut(rest, "}")
	return before + ids[before] + after
}

// contents are digests of all tables, whichever there are. What the relay does to its
// outbox is no effect of a request: there the number of rows counts.
func contents(t *testing.T, pg *pgtest.Database) map[string]string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), pg.AdminURL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(t.Context()) }()
	found, err := conn.Query(t.Context(), `SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND n.nspname NOT IN ('pg_catalog', 'information_schema')`)
	if err != nil {
		t.Fatal(err)
	}
	names, err := pgx.CollectRows(found, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, name := range names {
		digest := `md5(coalesce(string_agg(r::text, E'\n' ORDER BY r::text), ''))`
		if name == "outbox" {
			digest = `''`
		}
		var text string
		if err := conn.QueryRow(t.Context(), `SELECT count(*) || ' rows ' || `+digest+` FROM `+name+` r`).Scan(&text); err != nil {
			t.Fatal(err)
		}
		all[name] = text
	}
	return all
}

// allow is the Allow header of the path.
func (r route) allow() string {
	all := slices.Clone(r.allowed)
	if i := slices.Index(all, http.MethodGet); i >= 0 {
		all = slices.Insert(all, i+1, http.MethodHead)
	}
	return strings.Join(all, ", ")
}

// understood wants that a good request gets as far as what it is about: otherwise the bad
// ones could be refused for something else.
func (s *service) understood(r route) {
	s.t.Helper()
	got := s.raw(s.t, r.request(r.path, r.good()))
	if got.status/100 != 2 && got.status != http.StatusConflict && got.code() != string(problem.Excluded) {
		s.t.Errorf("%s %s: the good request: %d %.300s", r.method, r.pattern, got.status, got.body)
	}
}

// Rows 32 to 66 of the catalogue of bad input, at every operation there is.
func TestEveryRouteRefusesBadInput(t *testing.T) {
	t.Parallel()
	g := authtest.NewGoogle(t)
	s, pg := begin(t, callers(g)...)
	ada, bob := s.guest("Ada"), s.guest("Bob")
	var open, his answer
	const mines = `{"game":"mines","table":"mines-1","stake":100,"params":{"mines":1}}`
	ada.send(http.MethodPost, "/v1/bets", mines, "Idempotency-Key", "open").into(t, &open)
	bob.send(http.MethodPost, "/v1/bets", mines, "Idempotency-Key", "open").into(t, &his)
	all := everyRoute(t, map[string]string{
		"/v1/rounds/": open.Round.ID, "/v1/tables/": "roulette-1", "/v1/tournaments/": cup(t, pg), "/v1/problems/": "key_reused",
	}, map[string]string{
		"player": ada.token, "service": g.Sign(t, authtest.Key, authtest.Claims(sweeper, actionsAudience, nil)),
	})
	forged := forgedTokens(t, g, ada.ID)
	before, sent := contents(t, pg), 0
	for _, r := range all {
		r.forged = forged[r.way]
		if strings.HasPrefix(r.pattern, "/v1/rounds/") {
			r.others = []string{his.Round.ID}
		}
		for _, bad := range r.bad() {
			got := s.raw(t, bad.text)
			sent++
			what := r.method + " " + r.pattern + ", " + bad.what
			entry, known := problem.Find(problem.Code(got.code()))
			if got.status < 400 || got.status > 499 || !known || entry.Status != got.status || bad.code != "" && got.code() != bad.code {
				t.Errorf("%s: %d %.300s; want a problem %s", what, got.status, got.body, bad.code)
			}
			checkRefusal(t, what, got)
			if challenge := got.header.Get("WWW-Authenticate"); (got.status == 401) != (challenge != "") {
				t.Errorf("%s: %d with WWW-Authenticate %q", what, got.status, challenge)
			}
			if allow := got.header.Get("Allow"); bad.known && allow != r.allow() {
				t.Errorf("%s: Allow is %q; want %q", what, allow, r.allow())
			}
			if allow := got.header.Get("Allow"); (got.status == 405) != (allow != "") {
				t.Errorf("%s: %d with Allow %q", what, got.status, allow)
			}
		}
	}
	if diff := cmp.Diff(before, contents(t, pg)); diff != "" {
		t.Errorf("bad requests have changed tables (-before +after):\n%s", diff)
	}
	for _, r := range all {
		s.understood(r)
	}
	if len(all) < 25 || sent < 20*len(all) {
		t.Errorf("%d bad requests to %d operations; want more", sent, len(all))
	}
	t.Logf("%d bad requests to %d operations", sent, len(all))
}
