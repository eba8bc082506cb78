package problem_test

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/vegascore/vegascore/shared/problem"
)

func TestEntriesAreWhole(t *testing.T) {
	t.Parallel()
	form := regexp.MustCompile(`^[a-z]+(_[a-z]+)*$`)
	seen := map[problem.Code]bool{}
	for _, e := range problem.Catalogue() {
		if !form.MatchString(string(e.Code)) || seen[e.Code] {
			t.Errorf("%q: a code is one of its kind, lower case with _", e.Code)
		}
		seen[e.Code] = true
		if http.StatusText(e.Status) == "" || e.Status < 400 {
			t.Errorf("%s: status %d", e.Code, e.Status)
		}
		if e.Title == "" || strings.HasSuffix(e.Title, ".") {
			t.Errorf("%s: title %q; want some words without a full stop", e.Code, e.Title)
		}
		for what, text := range map[string]string{"meaning": e.Meaning, "remedy": e.Remedy} {
			if !strings.HasSuffix(text, ".") {
				t.Errorf("%s: %s %q; want sentences", e.Code, what, text)
			}
		}
	}
}

func TestTheCatalogueIsInOrder(t *testing.T) {
	t.Parallel()
	all := problem.Catalogue()
	if !slices.IsSortedFunc(all, func(a, b problem.Entry) int {
		return 2*(a.Status-b.Status) + strings.Compare(string(a.Code), string(b.Code))
	}) {
		t.Errorf("not by status and code: %v", all)
	}
	all[0].Status = 999
	if problem.Catalogue()[0].Status == 999 {
		t.Error("a caller changed the catalogue")
	}
}

func TestProblemsSayWhatTheirEntrySays(t *testing.T) {
	t.Parallel()
	for _, e := range problem.Catalogue() {
		p := problem.New(0, e.Code, "")
		if p.Status != e.Status || p.Title != e.Title || p.Type != "/v1/problems/"+string(e.Code) {
			t.Errorf("New(0, %s) = %d %q %s; want those of %+v", e.Code, p.Status, p.Title, p.Type, e)
		}
		if found, ok := problem.Find(e.Code); !ok || found != e {
			t.Errorf("Find(%s) = %+v, %v", e.Code, found, ok)
		}
	}
	if p := problem.New(0, "no_such_code", ""); p.Status != 500 || p.Type != "about:blank" || p.Title != "" {
		t.Errorf("a code outside the catalogue: %+v", p)
	}
	if _, ok := problem.Find("no_such_code"); ok {
		t.Error("found no_such_code")
	}
}

// Released codes keep their status: clients decide by both.
func TestCodesKeepTheirStatus(t *testing.T) {
	t.Parallel()
	for status, codes := range map[int][]problem.Code{
		400: {"bad_request", "bad_json", "unknown_field", "duplicate_field", "wrong_type", "missing_field", "too_deep", "bad_text", "key_missing", "key_malformed"},
		401: {"token_missing", "token_invalid", "token_expired"},
		403: {"forbidden", "account_frozen", "limit_reached", "excluded"},
		404: {"not_found"},
		405: {"method_not_allowed"},
		409: {"action_refused", "round_over", "round_open", "round_void", "seed_not_revealed", "bets_closed", "too_many_bets", "stale_fence"},
		413: {"body_too_large"},
		415: {"unsupported_media_type"},
		422: {"key_reused", "name_invalid", "stake_out_of_range", "params_invalid", "seed_invalid", "unknown_game", "unknown_table", "action_invalid", "insufficient_funds", "limits_invalid", "cursor_invalid"},
		429: {"too_many_requests"},
		500: {"internal"},
		503: {"busy", "unavailable"},
	} {
		for _, c := range codes {
			if got := c.Status(); got != status {
				t.Errorf("%s: status %d, want %d", c, got, status)
			}
		}
	}
}
