package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/vegascore/vegascore/shared/problem"
)

func TestErrorsBecomeWhatACallerMaySee(t *testing.T) {
	t.Parallel()
	state := func(code string) error { return fmt.Errorf("settle: %w", &pgconn.PgError{Code: code}) }
	own := problem.New(0, problem.InsufficientFunds, "")
	for _, test := range []struct {
		name string
		err  error
		want problem.Code // empty: unchanged
	}{
		{"pool exhausted", fmt.Errorf("acquire: %w", ErrBusy), problem.Busy},
		{"lock timeout", state("55P03"), problem.Busy},
		{"statement timeout", state("57014"), problem.Busy},
		{"serialization", state("40001"), problem.Busy},
		{"deadlock", state("40P01"), problem.Busy},
		{"no connection", ErrNoConnection, problem.Unavailable},
		{"unknown outcome", fmt.Errorf("commit: %w", ErrUnknownOutcome), problem.Unavailable},
		{"shutdown", state("57P01"), problem.Unavailable},
		{"crash", state("57P02"), problem.Unavailable},
		{"starting", state("57P03"), problem.Unavailable},
		{"read-only", state("25006"), problem.Unavailable},
		{"too many connections", state("53300"), problem.Unavailable},
		{"disk full", state("53100"), problem.Unavailable},
		{"connection broke", fmt.Errorf("read: %w", io.ErrUnexpectedEOF), problem.Unavailable},
		{"connect failed", &pgconn.ConnectError{}, problem.Unavailable},
		{"deadline", context.DeadlineExceeded, problem.Unavailable},
		{"caller left", context.Canceled, ""},
		{"own problem", own, ""},
		{"constraint", state("23514"), ""},
		{"other", errors.New("other"), ""},
		{"nil", nil, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := Problem(test.err)
			if test.want == "" {
				if !errors.Is(got, test.err) {
					t.Errorf("got %v, want it unchanged", got)
				}
				return
			}
			var p *problem.Problem
			if !errors.As(got, &p) || p.Code != test.want || p.Status != 503 || p.RetryAfter == 0 {
				t.Errorf("got %#v, want %s", got, test.want)
			}
			if !errors.Is(got, test.err) {
				t.Error("the reason was lost")
			}
		})
	}
}
