package protection

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/vegascore/vegascore/shared/problem"
)

func TestMaximaAreReadFromConfiguration(t *testing.T) {
	t.Parallel()
	var m Maxima
	if err := m.UnmarshalText([]byte("stake/24h=100000, session/7d=72000")); err != nil {
		t.Fatal(err)
	}
	want := Maxima{{Stake, Day, 100_000}, {Session, Week, 72_000}}
	if diff := cmp.Diff(want, m); diff != "" {
		t.Errorf("maxima (-want +got):\n%s", diff)
	}
	if got := m.Setting(); got != `[{"limit":"stake","window":"24h","amount":100000},{"limit":"session","window":"7d","amount":72000}]` {
		t.Errorf("setting = %s", got)
	}
	if got := (Maxima{}).Setting(); got != "" {
		t.Errorf("setting of none = %q", got)
	}
	for _, bad := range []string{"stake", "stake/24h", "stake/24h=", "stake/24h=x", "stake/24h=0", "stake/1h=5", "deposit/24h=5", "session/24h=1", "stake/24h=5,stake/24h=6", "stake/24h=5,"} {
		if err := new(Maxima).UnmarshalText([]byte(bad)); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
}

func TestRefusalsBecomeProblems(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{"code":"limit_reached","limit":"loss","window":"7d","resets_at":"2026-11-23T05:00:00+00:00"}`: `{"limit":"loss","resets_at":"2026-11-23T05:00:00Z","window":"7d"}`,
		`{"code":"limit_reached","limit":"stake","window":"24h","resets_at":null}`:                      `{"limit":"stake","resets_at":null,"window":"24h"}`,
		`{"code":"excluded","self":false,"until":"2026-11-23T05:00:00.25+01:00"}`:                       `{"until":"2026-11-23T04:00:01Z"}`,
		`{"code":"excluded","self":true,"until":"2026-11-23T05:00:00+00:00"}`:                           `{"until":"2026-11-23T05:00:00Z"}`,
		`{"code":"excluded","self":true,"until":null}`:                                                  `{"until":null}`,
	} {
		var p *problem.Problem
		if err := Refusal(text); !errors.As(err, &p) || p.Status != 403 {
			t.Errorf("%s: %v", text, err)
			continue
		}
		got, err := json.Marshal(p.Members)
		if err != nil || string(got) != want {
			t.Errorf("%s: members %s, %v; want %s", text, got, err, want)
		}
		raised, ok := Refused(&pgconn.PgError{Code: "VC403", Detail: text})
		if !ok || raised.Error() != p.Error() {
			t.Errorf("%s raised: %v, %t", text, raised, ok)
		}
	}
	var p *problem.Problem
	for _, text := range []string{``, `{}`, `{"code":"busy"}`} {
		if err := Refusal(text); err == nil || errors.As(err, &p) {
			t.Errorf("%q: %v; want an error that is no problem", text, err)
		}
	}
	if _, ok := Refused(&pgconn.PgError{Code: "23514"}); ok {
		t.Error("another error is a refusal")
	}
}
