// Package points keeps the points of tournaments that run. It is apart from package
// tournament because who counts moves no money and needs nothing of that.
package points

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// Count adds a settled round to the points of the entries that it counts for, in the
// caller's transaction, who sees to it that a round comes once. It reads the round itself;
// one that is not there counts for nothing.
func Count(ctx context.Context, tx pgx.Tx, round uuid.UUID) (entries int64, err error) {
	if err := tx.QueryRow(ctx, `SELECT tournament_count($1)`, round).Scan(&entries); err != nil {
		return 0, fmt.Errorf("count round %s in tournaments: %w", round, err)
	}
	return entries, nil
}
