package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/vegascore/vegascore/shared/pgtest"
)

// raw sends bytes as they are and reads one answer.
func (s *service) raw(t *testing.T, request string) reply {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatalf("no answer: %v", err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	got := reply{resp.StatusCode, resp.Header, string(body)}
	if sent, err := http.ReadRequest(bufio.NewReader(strings.NewReader(request))); err == nil {
		content, _ := io.ReadAll(sent.Body) // some are cut short
		s.heard(sent, string(content), got)
	}
	return got
}

// post is the raw text of a POST; a header of the same name replaces one of these.
func post(path, token, body string, headers ...string) string {
	all := map[string]string{
		"Host": "casino", "Content-Type": "application/json", "Idempotency-Key": "k", "Connection": "close",
		"Authorization": "Bearer " + token, "Content-Length": fmt.Sprint(len(body)),
	}
	for i := 0; i < len(headers); i += 2 {
		all[headers[i]] = headers[i+1]
	}
	text := "POST " + path + " HTTP/1.1\r\n"
	for name, value := range all {
		if value != "-" {
			text += name + ": " + value + "\r\n"
		}
	}
	return text + "\r\n" + body
}

const good = `{"game":"dice","table":"dice-1","stake":100,"params":{"direction":"under","target":5000}}`

// with returns the good body with one part replaced.
func with(old, changed string) string { return strings.Replace(good, old, changed, 1) }

func TestBadBodiesAreRefused(t *testing.T) {
	t.Parallel()
	s, pg := begin(t)
	ada := s.guest("Ada")
	deep := strings.Repeat("[", 33) + strings.Repeat("]", 33)
	for _, test := range []struct {
		row    int // of the catalogue of bad input
		what   string
		body   string
		status int
		code   string
	}{
		{32, "duplicate field", with(`"stake":100`, `"stake":100,"stake":1`), 400, "duplicate_field"},
		{32, "duplicate field in params", with(`"target":5000`, `"target":5000,"target":1`), 400, "duplicate_field"},
		{32, "duplicate field by escape", with(`"stake":100`, `"stake":100,"st\u0061ke":1`), 400, "duplicate_field"},
		{33, "case variant", with(`"stake"`, `"Stake"`), 400, "unknown_field"},
		{33, "case variant in params", with(`"target"`, `"TARGET"`), 400, "unknown_field"},
		{34, "second value", good + `{}`, 400, "bad_json"},
		{34, "trailing text", good + ` x`, 400, "bad_json"},
		{35, "null amount", with(`100`, `null`), 400, "wrong_type"},
		{35, "null body", `null`, 400, "wrong_type"},
		{35, "null params", with(`{"direction":"under","target":5000}`, `null`), 400, "wrong_type"},
		{35, "null target", with(`5000`, `null`), 400, "wrong_type"},
		{35, "no body", ``, 400, "bad_json"},
		{36, "fraction", with(`100`, `10.5`), 400, "wrong_type"},
		{36, "exponent", with(`100`, `1e2`), 400, "wrong_type"},
		{36, "whole fraction", with(`100`, `10.0`), 400, "wrong_type"},
		{36, "text for a number", with(`100`, `"10"`), 400, "wrong_type"},
		{36, "2^63", with(`100`, `9223372036854775808`), 400, "wrong_type"},
		{36, "NaN", with(`100`, `NaN`), 400, "bad_json"},
		{36, "leading zero", with(`100`, `0100`), 400, "bad_json"},
		{36, "plus sign", with(`100`, `+100`), 400, "bad_json"},
		{36, "fraction in params", with(`5000`, `50.5`), 400, "wrong_type"},
		{36, "exponent in params", with(`5000`, `5e3`), 400, "wrong_type"},
		{37, "negative stake", with(`100`, `-1`), 422, "stake_out_of_range"},
		{37, "minus zero", with(`100`, `-0`), 422, "stake_out_of_range"},
		{37, "zero stake", with(`100`, `0`), 422, "stake_out_of_range"},
		{37, "stake over the maximum", with(`100`, `1000001`), 422, "stake_out_of_range"},
		{37, "target out of range", with(`5000`, `9901`), 422, "params_invalid"},
		{38, "unknown field", with(`"stake":100`, `"stake":100,"note":1`), 400, "unknown_field"},
		{39, "33 levels", with(`5000`, deep), 400, "too_deep"},
		{39, "33 levels beside", with(`"stake":100`, `"stake":100,"note":`+deep), 400, "too_deep"},
		{40, "over 16 KiB", with(`"game"`, strings.Repeat(" ", 16<<10)+`"game"`), 413, "body_too_large"},
		{42, "escaped NUL", with(`dice-1`, `dice-1\u0000`), 400, "bad_text"},
		{42, "NUL", with(`dice-1`, "dice-1\x00"), 400, "bad_json"},
		{43, "lone surrogate", with(`dice-1`, `dice\ud800`), 400, "bad_text"},
		{43, "bad UTF-8", with(`dice-1`, "dice\xff"), 400, "bad_text"},
		{44, "2^53+1", with(`100`, `9007199254740993`), 422, "stake_out_of_range"},
		{44, "2^53+1 in params", with(`5000`, `9007199254740993`), 422, "params_invalid"},
		{56, "outcome sent along", with(`"stake":100`, `"stake":100,"outcome":{"roll":1}`), 400, "unknown_field"},
		{56, "payout sent along", with(`"stake":100`, `"stake":100,"payout":100000`), 400, "unknown_field"},
		{56, "seed sent along", with(`"target":5000`, `"target":5000,"server_seed":"00"`), 400, "unknown_field"},
		{56, "multiplier sent along", with(`"target":5000`, `"target":5000,"multiplier":"9.0"`), 400, "unknown_field"},
		{60, "SQL for a table", with(`dice-1`, `dice-1'; DROP TABLE rounds; --`), 422, "unknown_table"},
		{0, "missing field", with(`"stake":100,`, ``), 400, "missing_field"},
		{0, "list for a body", `[]`, 400, "wrong_type"},
		{0, "text for a body", `"bet"`, 400, "wrong_type"},
		{0, "unknown game", with(`"dice"`, `"faro"`), 422, "unknown_game"},
		{0, "game without tables", with(`"dice"`, `"roulette"`), 422, "unknown_table"},
		{0, "unknown table", with(`dice-1`, `dice-99`), 422, "unknown_table"},
		{0, "cut off", good[:40], 400, "bad_json"},
	} {
		r := s.raw(t, post("/v1/bets", ada.token, test.body))
		if r.status != test.status || r.code() != test.code {
			t.Errorf("row %d, %s: %d %s; want %d %s", test.row, test.what, r.status, r.body, test.status, test.code)
		}
		checkRefusal(t, test.what, r)
	}
	unharmed(t, ada, pg)
}

func TestBadHeadersAreRefused(t *testing.T) {
	t.Parallel()
	s, pg := begin(t)
	ada := s.guest("Ada")
	for _, test := range []struct {
		what, request string
		status        int
		code          string
	}{
		{"text/plain", post("/v1/bets", ada.token, good, "Content-Type", "text/plain"), 415, "unsupported_media_type"},
		{"form", post("/v1/bets", ada.token, good, "Content-Type", "application/x-www-form-urlencoded"), 415, "unsupported_media_type"},
		{"no content type", post("/v1/bets", ada.token, good, "Content-Type", "-"), 415, "unsupported_media_type"},
		{"other charset", post("/v1/bets", ada.token, good, "Content-Type", "application/json; charset=utf-16"), 415, "unsupported_media_type"},
		{"gzip", post("/v1/bets", ada.token, good, "Content-Encoding", "gzip"), 415, "unsupported_media_type"},
		{"no key", post("/v1/bets", ada.token, good, "Idempotency-Key", "-"), 400, "key_missing"},
		{"empty key", post("/v1/bets", ada.token, good, "Idempotency-Key", ""), 400, "key_missing"},
		{"long key", post("/v1/bets", ada.token, good, "Idempotency-Key", strings.Repeat("k", 65)), 400, "key_malformed"},
		{"key with a space", post("/v1/bets", ada.token, good, "Idempotency-Key", "a b"), 400, "key_malformed"},
		{"key with a quote", post("/v1/bets", ada.token, good, "Idempotency-Key", `"k"`), 400, "key_malformed"},
		{"key with UTF-8", post("/v1/bets", ada.token, good, "Idempotency-Key", "ké"), 400, "key_malformed"},
		{"two keys", post("/v1/bets", ada.token, good, "Idempotency-Key", "a\r\nIdempotency-Key: b"), 400, "key_malformed"},
		{"body that announces too much", post("/v1/bets", ada.token, good, "Content-Length", "1000000"), 413, "body_too_large"},
		{"chunked body over the limit", post("/v1/bets", ada.token, "5000\r\n"+strings.Repeat(" ", 0x5000)+"\r\n0\r\n\r\n", "Content-Length", "-", "Transfer-Encoding", "chunked"), 413, "body_too_large"},
		{"GET", strings.Replace(post("/v1/bets", ada.token, good), "POST", "GET", 1), 405, "method_not_allowed"},
		{"DELETE", strings.Replace(post("/v1/me", ada.token, ""), "POST", "DELETE", 1), 405, "method_not_allowed"},
		{"TRACE", strings.Replace(post("/v1/bets", ada.token, ""), "POST", "TRACE", 1), 405, "method_not_allowed"},
		{"unknown path", post("/v1/bet", ada.token, good), 404, "not_found"},
		{"path with a slash more", post("/v1/bets/", ada.token, good), 404, "not_found"},
	} {
		r := s.raw(t, test.request)
		if r.status != test.status || r.code() != test.code {
			t.Errorf("%s: %d %s; want %d %s", test.what, r.status, r.body, test.status, test.code)
		}
		checkRefusal(t, test.what, r)
	}
	if r := s.raw(t, strings.Replace(post("/v1/me", ada.token, ""), "POST", "DELETE", 1)); r.header.Get("Allow") != "GET, HEAD" {
		t.Errorf("Allow = %q", r.header.Get("Allow"))
	}
	unharmed(t, ada, pg)
}

func TestBadGuestsAndSeedsAreRefused(t *testing.T) {
	t.Parallel()
	s, pg := begin(t)
	ada := s.guest("Ada")
	for _, test := range []struct {
		path, body string
		status     int
		code       string
	}{
		{"/v1/guests", `{"name":""}`, 422, "name_invalid"},
		{"/v1/guests", `{"name":" \t "}`, 422, "name_invalid"},
		{"/v1/guests", `{"name":"` + strings.Repeat("a", 33) + `"}`, 422, "name_invalid"},
		{"/v1/guests", `{"name":"Ada\u202egnp"}`, 422, "name_invalid"},
		{"/v1/guests", `{"name":"A\u200bda"}`, 422, "name_invalid"},
		{"/v1/guests", `{"name":"Ada\r\nX"}`, 422, "name_invalid"},
		{"/v1/guests", `{"name":"Ada\u0000"}`, 400, "bad_text"},
		{"/v1/guests", `{"name":null}`, 400, "wrong_type"},
		{"/v1/guests", `{"name":5}`, 400, "wrong_type"},
		{"/v1/guests", `{}`, 400, "missing_field"},
		{"/v1/guests", `{"name":"Eve","balance":1000000}`, 400, "unknown_field"},
		{"/v1/guests", `{"name":"Eve","id":"01890a5d-ac96-774b-bcce-b302099a8057"}`, 400, "unknown_field"},
		{"/v1/me/seeds", `{"client_seed":""}`, 422, "seed_invalid"},
		{"/v1/me/seeds", `{"client_seed":"a:1"}`, 422, "seed_invalid"},
		{"/v1/me/seeds", `{"client_seed":"` + strings.Repeat("a", 65) + `"}`, 422, "seed_invalid"},
		{"/v1/me/seeds", `{"client_seed":"a","server_seed":"00"}`, 400, "unknown_field"},
		{"/v1/me/seeds", `{"client_seed":1}`, 400, "wrong_type"},
	} {
		r := s.raw(t, post(test.path, ada.token, test.body))
		if r.status != test.status || r.code() != test.code {
			t.Errorf("%s %s: %d %s; want %d %s", test.path, test.body, r.status, r.body, test.status, test.code)
		}
		checkRefusal(t, test.body, r)
	}
	if n := count(t, pg, `SELECT count(*) FROM players`); n != 1 {
		t.Errorf("%d players; want the one", n)
	}
	if n := count(t, pg, `SELECT count(*) FROM seeds WHERE state = 'revealed'`); n != 0 {
		t.Errorf("%d revealed seeds; want none", n)
	}
}

// checkRefusal wants a problem document with the headers of every reply, and nothing
// internal in it.
func checkRefusal(t *testing.T, what string, r reply) {
	t.Helper()
	if got := r.header.Get("Content-Type"); got != "application/problem+json" {
		t.Errorf("%s: content type %q", what, got)
	}
	for _, name := range []string{"Strict-Transport-Security", "Content-Security-Policy", "X-Content-Type-Options", "Referrer-Policy"} {
		if r.header.Get(name) == "" {
			t.Errorf("%s: no header %s", what, name)
		}
	}
	for _, inside := range []string{"SELECT", "ERROR:", "pgx", "goroutine", ".go:", "json.", "SQLSTATE"} {
		if strings.Contains(r.body, inside) {
			t.Errorf("%s: the answer shows %q: %s", what, inside, r.body)
		}
	}
}

// unharmed wants that nothing was played, and that a good bet still is.
func unharmed(t *testing.T, ada *player, pg *pgtest.Database) {
	t.Helper()
	if n := count(t, pg, `SELECT count(*) FROM rounds`); n != 0 || ada.balance() != 100_000 {
		t.Errorf("%d rounds, balance %d; want none and 100,000", n, ada.balance())
	}
	if r := ada.s.raw(t, post("/v1/bets", ada.token, good)); r.status != 201 {
		t.Errorf("good bet: %d %s", r.status, r.body)
	}
	sound(t, pg)
}
