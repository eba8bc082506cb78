package ledger

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
)

// Freeze stops the players' accounts among the given ones, in the caller's transaction:
// every later post to them is ErrFrozen, until the owner of the schema thaws them with
// the function ledger_thaw. It returns those that were not frozen before. It waits for
// transactions that have locked the accounts.
func Freeze(ctx context.Context, tx pgx.Tx, accounts []uuid.UUID, why string) ([]uuid.UUID, error) {
	if len(accounts) == 0 {
		return nil, nil
	}
	ids := make([]pgtype.UUID, len(accounts))
	for i, a := range accounts {
		ids[i] = parameter(a)
	}
	rows, err := tx.Query(ctx, `SELECT ledger_freeze($1, $2)`, ids, why)
	if err != nil {
		return nil, fmt.Errorf("freeze %d accounts: %w", len(accounts), err)
	}
	frozen, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	if err != nil {
		return nil, fmt.Errorf("freeze %d accounts: %w", len(accounts), err)
	}
	return frozen, nil
}

// Frozen returns up to 100 accounts that are frozen now.
func Frozen(ctx context.Context, q Querier) ([]uuid.UUID, error) {
	var ids []uuid.UUID
	err := q.QueryRow(ctx, `SELECT coalesce((array_agg(id ORDER BY frozen_at))[1:100], '{}') FROM ledger_accounts WHERE frozen_at IS NOT NULL`).Scan(&ids)
	if err != nil {
		return nil, fmt.Errorf("look for frozen accounts: %w", err)
	}
	return ids, nil
}
