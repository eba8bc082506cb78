package problem_test

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
)

func TestWriteIsAProblemDocument(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	problem.Write(w, httptest.NewRequest(http.MethodGet, "/v1/rounds/1", nil), problem.Of(problem.NotFound, "There is no round %d.", 1))

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

func TestMembersFollowTheDocument(t *testing.T) {
	t.Parallel()
	plain := problem.Of(problem.RoundOver, "no")
	more := plain.With("window", "24h").With("limit", "stake").With("resets_at", nil)
	got, err := json.Marshal(more)
	want := `{"type":"/v1/problems/round_over","title":"Round over","status":409,"code":"round_over","detail":"no","limit":"stake","resets_at":null,"window":"24h"}`
	if err != nil || string(got) != want {
		t.Errorf("got %s, %v; want %s", got, err, want)
	}
	if plain.Members != nil || len(more.With("x", 1).Members) != 4 || len(more.Members) != 3 {
		t.Error("With changed the problem that it was called on")
	}
}

func TestWriteHidesTheReason(t *testing.T) {
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
		problem.Write(w, nil, err)
		if body := w.Body.String(); strings.Contains(body, "accounts") || strings.Contains(body, "10.0.0.7") {
			t.Errorf("%s: reply shows the reason: %s", name, body)
		}
	}
	if err := problem.Of(problem.RoundOver, "x").Because(secret); !errors.Is(err, secret) || !strings.Contains(err.Error(), "accounts") {
		t.Errorf("the log's text lost the reason: %v", err)
	}
}

func TestFrom(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		err    error
		status int
		code   problem.Code
		retry  time.Duration
	}{
		{"plain", errors.New("x"), 500, problem.Internal, 0},
		{"deadline", fmt.Errorf("query: %w", context.DeadlineExceeded), 503, problem.Unavailable, time.Second},
		{"cancelled", context.Canceled, 503, problem.Unavailable, time.Second},
		{"problem in a tree", fmt.Errorf("bet: %w", problem.Of(problem.KeyReused, "")), 422, problem.KeyReused, 0},
		{"problem before deadline", problem.Of(problem.Busy, "").Because(context.DeadlineExceeded), 503, problem.Busy, time.Second},
	}
	for _, tt := range tests {
		got := problem.From(tt.err)
		if got.Status != tt.status || got.Code != tt.code || got.RetryAfter != tt.retry {
			t.Errorf("%s: From = %d %s %v, want %d %s %v", tt.name, got.Status, got.Code, got.RetryAfter, tt.status, tt.code, tt.retry)
		}
	}
	if problem.From(nil) != nil {
		t.Error("From(nil) is a problem")
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
		problem.Write(w, nil, tt.err)
		if got := w.Header().Get(tt.header); got != tt.want {
			t.Errorf("%s: %s = %q, want %q", tt.name, tt.header, got, tt.want)
		}
	}
}

func TestHeadHasNoBody(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	problem.Write(w, httptest.NewRequest(http.MethodHead, "/", nil), problem.Of(problem.NotFound, "no"))
	if w.Body.Len() != 0 || w.Code != 404 {
		t.Errorf("HEAD got %d and %q", w.Code, w.Body)
	}
}

func TestIsComparesCodes(t *testing.T) {
	t.Parallel()
	err := fmt.Errorf("load: %w", problem.Of(problem.NotFound, "There is no such round."))
	if !errors.Is(err, problem.New(0, problem.NotFound, "")) {
		t.Error("same code is not the same problem")
	}
	if errors.Is(err, problem.New(0, problem.RoundOver, "")) {
		t.Error("another code is the same problem")
	}
}
