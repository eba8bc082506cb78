package ledger

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/vegascore/vegascore/shared/money"
)

// Report is what a verification found, as far as it looked. In a sound ledger all but
// the first two fields are zero or empty.
type Report struct {
	Accounts  int64
	Transfers int64
	// Sum adds up the absolute sums per asset: stored balances of players plus the
	// transfers of the house and the world. In a report of VerifyNew, how far the
	// balances that were compared are off.
	Sum money.Amount
	// Wrong are up to 100 player accounts whose balance is not the sum of their
	// transfers.
	Wrong []uuid.UUID
	// Negative counts accounts below zero, stored or by their transfers; the house and
	// the world may be.
	Negative int64
	// Unknown counts the account and asset pairs that transfers name and that do
	// not exist.
	Unknown int64
	// Unsound counts transfers that do not take from one account what they give to
	// another. Verify leaves it at zero.
	Unsound int64
	// Altered are up to 100 accounts whose history is not the one that an earlier pass
	// has verified. Only VerifyAll looks.
	Altered []uuid.UUID
}

// OK reports whether the ledger is sound.
func (r Report) OK() bool {
	return r.Imbalance() == 0 && r.Sum == 0
}

// Imbalance counts the accounts and transfers that disagree; an account may count more
// than once.
func (r Report) Imbalance() int64 {
	return int64(len(r.Wrong)) + int64(len(r.Altered)) + r.Negative + r.Unknown + r.Unsound
}

// verifySQL is one statement, so it sees one state of the ledger while play goes on.
const verifySQL = `
WITH leg AS (
	SELECT credit AS account, asset, amount FROM ledger_transfers
	UNION ALL
	SELECT debit, asset, -amount FROM ledger_transfers
), moved AS (
	SELECT account, asset, sum(amount) AS total, count(*) AS legs FROM leg GROUP BY account, asset
), line AS (
	SELECT a.id, a.kind, coalesce(a.asset, moved.asset) AS asset, a.balance, coalesce(moved.total, 0) AS total,
	       coalesce(moved.legs, 0) AS legs
	FROM ledger_accounts a
	FULL JOIN moved ON moved.account = a.id AND moved.asset = a.asset
)
SELECT count(*) FILTER (WHERE id IS NOT NULL),
       (coalesce(sum(legs), 0) / 2)::bigint,
       (SELECT coalesce(sum(abs(off)), 0)::bigint FROM (SELECT sum(coalesce(balance, total)) AS off FROM line GROUP BY asset) s),
       coalesce((array_agg(id ORDER BY id) FILTER (WHERE kind = 'player' AND balance <> total))[1:100], '{}'),
       count(*) FILTER (WHERE kind NOT IN ('house', 'world') AND least(balance, total) < 0),
       count(*) FILTER (WHERE id IS NULL)
FROM line`

// Verify recomputes every balance from the transfers and changes nothing, not even the
// checkpoint. It reads the whole ledger: its place is a job, not a request. An error means that it could not look; what it
// finds is in the report.
func Verify(ctx context.Context, q Querier) (Report, error) {
	var r Report
	err := q.QueryRow(ctx, verifySQL).Scan(&r.Accounts, &r.Transfers, (*int64)(&r.Sum), &r.Wrong, &r.Negative, &r.Unknown)
	if err != nil {
		return Report{}, fmt.Errorf("verify ledger: %w", err)
	}
	return r, nil
}
