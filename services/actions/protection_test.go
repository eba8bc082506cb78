package main

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/vegascore/vegascore/shared/pgtest"
)

// pass runs a statement as the superuser, for time that must have gone by.
func pass(t *testing.T, pg *pgtest.Database, sql string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), pg.AdminURL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(t.Context()) }()
	if _, err := conn.Exec(t.Context(), sql); err != nil {
		t.Fatal(err)
	}
}

func TestLimitsOverHTTP(t *testing.T) {
	t.Parallel()
	s, pg := begin(t, "HOUSE_LIMITS=stake/24h=50000")
	ada, bob := s.guest("Ada"), s.guest("Bob")
	const none = `{"limits":[],"reality_check_minutes":60,"time_out_until":null,"self_exclusion":null}`
	if r := ada.send(http.MethodGet, "/v1/me/limits", ""); r.status != 200 || strings.TrimSpace(r.body) != none {
		t.Errorf("before: %d %s", r.status, r.body)
	}
	const two = `{"limits":[{"limit":"stake","window":"24h","amount":150},{"limit":"session","window":"7d","amount":7200}],"reality_check_minutes":30}`
	want := `{"limits":[{"limit":"stake","window":"24h","amount":150,"pending":null},{"limit":"session","window":"7d","amount":7200,"pending":null}],` +
		`"reality_check_minutes":30,"time_out_until":null,"self_exclusion":null}`
	if r := ada.send(http.MethodPut, "/v1/me/limits", two); r.status != 200 || strings.TrimSpace(r.body) != want {
		t.Errorf("set: %d %s", r.status, r.body)
	}
	if r := ada.bet("a", 100); r.status != 201 {
		t.Errorf("100 of 150: %d %s", r.status, r.body)
	}
	var refusal struct {
		Limit, Window string
		ResetsAt      time.Time `json:"resets_at"`
	}
	r := ada.bet("b", 100)
	r.into(t, &refusal)
	if in := time.Until(refusal.ResetsAt); r.status != 403 || r.code() != "limit_reached" || refusal.Limit != "stake" || refusal.Window != "24h" || in < 24*time.Hour || in > 25*time.Hour {
		t.Errorf("200 of 150: %d %s", r.status, r.body)
	}
	checkRefusal(t, "limit", r)
	if r := bob.bet("a", 50_001); r.status != 403 || r.code() != "limit_reached" || !strings.Contains(r.body, `"resets_at":null`) {
		t.Errorf("more than the house takes: %d %s", r.status, r.body)
	}
	ada.send(http.MethodPut, "/v1/me/limits", `{"limits":[]}`)
	pass(t, pg, `UPDATE player_limits SET pending_at = now() WHERE pending_at IS NOT NULL`)
	if r := ada.bet("b", 100); r.status != 201 {
		t.Errorf("a day after the limits are gone: %d %s", r.status, r.body)
	}
	var activity struct {
		Windows []struct {
			Window                             string
			Rounds, Staked, Paid, Net, Seconds int
		}
		Session struct{ Staked, Net int }
	}
	r = ada.send(http.MethodGet, "/v1/me/activity", "")
	r.into(t, &activity)
	if len(activity.Windows) != 3 || activity.Windows[2].Window != "30d" || activity.Windows[2].Rounds != 2 || activity.Windows[2].Staked != 200 ||
		activity.Windows[0].Net != ada.balance()-100_000 || activity.Session.Staked != 200 || activity.Session.Net != ada.balance()-100_000 {
		t.Errorf("activity: %d %s", r.status, r.body)
	}
	if r := bob.send(http.MethodGet, "/v1/me/activity", ""); r.status != 200 || !strings.Contains(r.body, `"session":null`) {
		t.Errorf("activity of nothing: %d %s", r.status, r.body)
	}
	sound(t, pg)
}

func TestWhoIsExcludedReadsAndDoesNotBet(t *testing.T) {
	t.Parallel()
	s, pg := begin(t)
	ada := s.guest("Ada")
	if r := ada.send(http.MethodPost, "/v1/me/time_out", `{"hours":24}`); r.status != 200 || strings.Contains(r.body, `"time_out_until":null`) {
		t.Errorf("time-out: %d %s", r.status, r.body)
	}
	r := ada.bet("k", 1)
	if r.status != 403 || r.code() != "excluded" || !strings.Contains(r.body, `"until":"`) {
		t.Errorf("bet in a time-out: %d %s", r.status, r.body)
	}
	checkRefusal(t, "excluded", r)
	if r := ada.send(http.MethodPost, "/v1/me/self_exclusion", `{"months":6}`); r.status != 200 || strings.Contains(r.body, `"self_exclusion":null`) {
		t.Errorf("self-exclusion: %d %s", r.status, r.body)
	}
	if r := ada.send(http.MethodDelete, "/v1/me/self_exclusion", ""); r.status != 403 || r.code() != "excluded" {
		t.Errorf("ended too early: %d %s", r.status, r.body)
	}
	for _, path := range []string{"/v1/me", "/v1/me/seeds", "/v1/me/limits", "/v1/me/activity"} {
		if r := ada.send(http.MethodGet, path, ""); r.status != 200 {
			t.Errorf("GET %s: %d %s", path, r.status, r.body)
		}
	}
	pass(t, pg, `UPDATE player_protection SET timeout_until = now(), excluded_until = now()`)
	if r := ada.bet("k", 1); r.status != 403 || !strings.Contains(r.body, `"until":null`) {
		t.Errorf("bet before asking: %d %s", r.status, r.body)
	}
	if r := ada.send(http.MethodDelete, "/v1/me/self_exclusion", ""); r.status != 200 || strings.Contains(r.body, `"returns_at":null`) {
		t.Errorf("asked: %d %s", r.status, r.body)
	}
	pass(t, pg, `UPDATE player_protection SET returns_at = now()`)
	unharmed(t, ada, pg)
}

func TestBadProtectionIsRefused(t *testing.T) {
	t.Parallel()
	s, pg := begin(t)
	ada := s.guest("Ada")
	const good = `{"limits":[{"limit":"stake","window":"24h","amount":100}]}`
	with := func(old, changed string) string { return strings.Replace(good, old, changed, 1) }
	const limits, timeOut, exclusion = "PUT /v1/me/limits", "POST /v1/me/time_out", "POST /v1/me/self_exclusion"
	for _, test := range []struct {
		row          int // of the catalogue of bad input
		target, body string
		status       int
		code         string
	}{
		{32, limits, with(`"amount":100`, `"amount":100,"amount":1`), 400, "duplicate_field"},
		{32, timeOut, `{"hours":24,"hours":48}`, 400, "duplicate_field"},
		{33, limits, with(`"amount"`, `"Amount"`), 400, "unknown_field"},
		{34, limits, good + `{}`, 400, "bad_json"},
		{35, limits, `null`, 400, "wrong_type"},
		{35, limits, `{"limits":null}`, 400, "wrong_type"},
		{35, limits, with(`100`, `null`), 400, "wrong_type"},
		{35, timeOut, `{"hours":null}`, 400, "wrong_type"},
		{35, exclusion, ``, 400, "bad_json"},
		{36, limits, with(`100`, `10.5`), 400, "wrong_type"},
		{36, limits, with(`100`, `1e2`), 400, "wrong_type"},
		{36, limits, with(`100`, `"100"`), 400, "wrong_type"},
		{36, limits, with(`100`, `9223372036854775808`), 400, "wrong_type"},
		{36, timeOut, `{"hours":24.0}`, 400, "wrong_type"},
		{36, exclusion, `{"months":"6"}`, 400, "wrong_type"},
		{37, limits, with(`100`, `0`), 422, "limits_invalid"},
		{37, limits, with(`100`, `-1`), 422, "limits_invalid"},
		{37, limits, with(`100`, `1000000000000001`), 422, "limits_invalid"},
		{37, limits, `{"limits":[{"limit":"session","window":"24h","amount":59}]}`, 422, "limits_invalid"},
		{37, limits, `{"limits":[{"limit":"session","window":"24h","amount":86401}]}`, 422, "limits_invalid"},
		{37, limits, `{"limits":[],"reality_check_minutes":14}`, 422, "limits_invalid"},
		{37, limits, `{"limits":[],"reality_check_minutes":121}`, 422, "limits_invalid"},
		{37, timeOut, `{"hours":23}`, 422, "params_invalid"},
		{37, timeOut, `{"hours":1009}`, 422, "params_invalid"},
		{37, timeOut, `{"hours":-24}`, 422, "params_invalid"},
		{37, exclusion, `{"months":5}`, 422, "params_invalid"},
		{37, exclusion, `{"months":121}`, 422, "params_invalid"},
		{38, limits, with(`"amount":100`, `"amount":100,"pending":null`), 400, "unknown_field"},
		{38, limits, with(`}]}`, `}],"player":"x"}`), 400, "unknown_field"},
		{38, timeOut, `{"hours":24,"until":"2020-01-01T00:00:00Z"}`, 400, "unknown_field"},
		{39, limits, with(`100`, strings.Repeat("[", 33)+strings.Repeat("]", 33)), 400, "too_deep"},
		{40, limits, strings.Repeat(" ", 16<<10) + good, 413, "body_too_large"},
		{42, limits, with(`24h`, `24h\u0000`), 400, "bad_text"},
		{43, limits, with(`24h`, `24h\ud800`), 400, "bad_text"},
		{44, limits, with(`100`, `9007199254740993`), 422, "limits_invalid"},
		{60, limits, with(`stake`, `stake'; DROP TABLE rounds; --`), 422, "limits_invalid"},
		{0, limits, `{}`, 400, "missing_field"},
		{0, limits, `[]`, 400, "wrong_type"},
		{0, limits, with(`"amount":100`, `"amount":100},{"limit":"stake","window":"24h","amount":50`), 422, "limits_invalid"},
		{0, limits, with(`24h`, `1h`), 422, "limits_invalid"},
		{0, limits, with(`stake`, `deposit`), 422, "limits_invalid"},
		{0, exclusion, `{}`, 400, "missing_field"},
		{0, "DELETE /v1/me/limits", ``, 405, "method_not_allowed"},
		{0, "GET /v1/me/time_out", ``, 405, "method_not_allowed"},
	} {
		method, path, _ := strings.Cut(test.target, " ")
		r := s.raw(t, strings.Replace(post(path, ada.token, test.body), "POST", method, 1))
		if r.status != test.status || r.code() != test.code {
			t.Errorf("row %d, %s %s: %d %s; want %d %s", test.row, test.target, test.body, r.status, r.body, test.status, test.code)
		}
		checkRefusal(t, test.target+test.body, r)
	}
	for _, test := range []struct {
		row     int
		headers []string
		status  int
	}{{41, []string{"Content-Type", "text/plain"}, 415}, {41, []string{"Content-Encoding", "gzip"}, 415}, {45, []string{"Authorization", "-"}, 401}} {
		for _, target := range []string{limits, timeOut, exclusion} {
			method, path, _ := strings.Cut(target, " ")
			if r := s.raw(t, strings.Replace(post(path, ada.token, good, test.headers...), "POST", method, 1)); r.status != test.status {
				t.Errorf("row %d, %s: %d %s; want %d", test.row, target, r.status, r.body, test.status)
			}
		}
	}
	if n := count(t, pg, `SELECT count(*) FROM player_protection`); n != 0 {
		t.Errorf("%d players are protected; want none", n)
	}
}
