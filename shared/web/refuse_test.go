package web_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vegascore/vegascore/shared/problem"
	"github.com/vegascore/vegascore/shared/web"
)

func TestARefusalIsAProblemDocument(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	web.WriteProblem(w, httptest.NewRequest(http.MethodGet, "/v1/rounds/1", nil), problem.Of(problem.NotFound, "There is no round %d.", 1))

	want := `{"type":"/v1/problems/not_found","title":"Not found","status":404,"code":"not_found","detail":"There is no round 1."}`
	if diff := cmp.Diff(want, w.Body.String()); diff != "" {
		t.Errorf("body (-want +got):\n%s", diff)
	}
	if w.Code != http.StatusNotFound {
		t.Errorf("status = %d, want 404", w.Code)
	}
	if got := w.Header().Get("Content-Type"); got != "application/problem+json" {
		t.Errorf("Content-Type = %q", got)
	}
	var back problem.Problem
	if err := json.Unmarshal(w.Body.Bytes(), &back); err != nil || back.Code != problem.NotFound || back.Status != 404 {
		t.Errorf("read back: %+v, %v", back, err)
	}
}

func TestARefusalHidesTheReason(t *testing.T) {
	t.Parallel()
	secret := errors.New(`pq: relation "accounts" at 10.0.0.7:5432`)
	for name, err := range map[string]error{
		"plain error":             secret,
		"wrapped error":           fmt.Errorf("settle round: %w", secret),
		"problem with a reason":   problem.Of(problem.RoundOver, "The round is settled.").Because(secret),
		"deadline":                fmt.Errorf("%w: %w", context.DeadlineExceeded, secret),
		"problem inside an error": fmt.Errorf("10.0.0.7: %w", problem.Of(problem.Busy, "Try again.")),
		"nil":                     nil,
	} {
		w := httptest.NewRecorder()
		web.WriteProblem(w, nil, err)
		if body := w.Body.String(); strings.Contains(body, "accounts") || strings.Contains(body, "10.0.0.7") {
			t.Errorf("%s: reply shows the reason: %s", name, body)
		}
	}
}

func TestHeadersOfARefusal(t *testing.T) {
	t.Parallel()
	tests := []struct {
		err          error
		name, header string
		want         string
	}{
		{problem.Of(problem.Busy, ""), "503 has a default", "Retry-After", "1"},
		{problem.Of(problem.Busy, "").After(1200 * time.Millisecond), "rounded up", "Retry-After", "2"},
		{problem.Of(problem.TooManyRequests, "").After(time.Minute), "429", "Retry-After", "60"},
		{problem.Of(problem.NotFound, ""), "404 has none", "Retry-After", ""},
		{problem.Of(problem.TokenMissing, ""), "no token", "WWW-Authenticate", `Bearer realm="vegascore"`},
		{problem.Of(problem.TokenExpired, ""), "bad token", "WWW-Authenticate", `Bearer realm="vegascore", error="invalid_token"`},
		{problem.Of(problem.Internal, ""), "never cached", "Cache-Control", "no-store"},
	}
	for _, tt := range tests {
		w := httptest.NewRecorder()
		web.WriteProblem(w, nil, tt.err)
		if got := w.Header().Get(tt.header); got != tt.want {
			t.Errorf("%s: %s = %q, want %q", tt.name, tt.header, got, tt.want)
		}
	}
}

func TestHeadHasNoBody(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	web.WriteProblem(w, httptest.NewRequest(http.MethodHead, "/", nil), problem.Of(problem.NotFound, "no"))
	if w.Body.Len() != 0 || w.Code != 404 {
		t.Errorf("HEAD got %d and %q", w.Code, w.Body)
	}
}

func TestARefusalOutsideTheCatalogueHasTheTitleOfItsStatus(t *testing.T) {
	t.Parallel()
	unlisted := problem.New(http.StatusGone, "no_such_code", "")
	w := httptest.NewRecorder()
	web.WriteProblem(w, nil, unlisted)
	if want := `{"type":"about:blank","title":"Gone","status":410,"code":"no_such_code"}`; w.Body.String() != want {
		t.Errorf("got %s, want %s", w.Body, want)
	}
	if unlisted.Title != "" {
		t.Error("the problem itself was changed")
	}
}
