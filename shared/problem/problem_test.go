package problem_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/vegascore/vegascore/shared/problem"
)

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

func TestTheReasonIsForTheLog(t *testing.T) {
	t.Parallel()
	reason := errors.New("no such relation")
	p := problem.Of(problem.RoundOver, "x").Because(reason)
	if !errors.Is(p, reason) || p.Error() != "round_over: x: no such relation" {
		t.Errorf("the log's text lost the reason: %v", p)
	}
	text, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	var back problem.Problem
	if err := json.Unmarshal(text, &back); err != nil || back.Code != problem.RoundOver || back.Status != 409 || back.Error() != "round_over: x" {
		t.Errorf("read back from %s: %v, %v", text, &back, err)
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
