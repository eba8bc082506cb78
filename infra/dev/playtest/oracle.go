package playtest

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/vegascore/vegascore/infra/dev/stack"
	"github.com/vegascore/vegascore/shared/ledger"
)

// Query runs a query with one row and one column over the migrations' connection.
func Query[T any](t testing.TB, s *stack.Stack, sql string, args ...any) T {
	t.Helper()
	var value T
	withDatabase(t, s, func(ctx context.Context, conn *pgx.Conn) error {
		return conn.QueryRow(ctx, sql, args...).Scan(&value)
	})
	return value
}

func withDatabase(t testing.TB, s *stack.Stack, do func(context.Context, *pgx.Conn) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	conn, err := pgx.Connect(ctx, s.DirectURL())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	if err := do(ctx, conn); err != nil {
		t.Fatal(err)
	}
}

// Agrees checks what must hold after every fault: the ledger sums to zero and every
// balance is the sum of its transfers, none is negative, and the rounds are exactly
// those whose keys were acknowledged with a 2xx.
func Agrees(t testing.TB, s *stack.Stack, acknowledged []string) {
	t.Helper()
	withDatabase(t, s, func(ctx context.Context, conn *pgx.Conn) error {
		report, err := ledger.Verify(ctx, conn)
		if err != nil {
			return err
		}
		if !report.OK() {
			t.Errorf("the ledger disagrees: %+v", report)
		}
		rows, err := conn.Query(ctx, `SELECT key FROM rounds WHERE state = 'settled'`)
		if err != nil {
			return err
		}
		keys, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			return err
		}
		stored := map[string]int{}
		for _, k := range keys {
			stored[k]++
		}
		lost, doubled := 0, 0
		for _, k := range acknowledged {
			if stored[k] == 0 {
				lost++
			}
			if stored[k] > 1 {
				doubled++
			}
			delete(stored, k)
		}
		if lost+doubled+len(stored) > 0 {
			t.Errorf("of %d acknowledged bets %d are lost and %d doubled; %d more were played", len(acknowledged), lost, doubled, len(stored))
		}
		return nil
	})
	// Stakes are booked once per round, payouts at most once.
	if n := Query[int64](t, s, `SELECT count(*) FROM (
		SELECT round_id FROM ledger_transfers WHERE round_id IS NOT NULL GROUP BY round_id
		HAVING count(*) FILTER (WHERE kind = 'stake') <> 1 OR count(*) FILTER (WHERE kind = 'payout') > 1) wrong`); n != 0 {
		t.Errorf("%d rounds are booked twice or by half", n)
	}
}

// Sent waits until the outbox is empty and every fact was handled once, and returns
// how long that took.
func Sent(t testing.TB, s *stack.Stack) time.Duration {
	t.Helper()
	took := Eventually(t, "the outbox is sent", func() bool {
		return Query[int64](t, s, `SELECT count(*) FROM outbox WHERE sent_at IS NULL`) == 0
	})
	took += Eventually(t, "every fact is handled", func() bool {
		return Query[int64](t, s, `SELECT count(*) FROM outbox o WHERE sink = 'fact'
			AND NOT EXISTS (SELECT FROM handled_events h WHERE h.event_id = o.event_id AND h.consumer = 'leaderboard')`) == 0
	})
	if n := Query[int64](t, s, `SELECT (SELECT coalesce(sum(rounds), 0) FROM leaderboard_daily) - (SELECT count(*) FROM rounds)`); n != 0 {
		t.Errorf("the leaderboard counts %+d rounds too many", n)
	}
	return took
}
