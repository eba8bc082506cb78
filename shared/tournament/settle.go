package tournament

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/vegascore/vegascore/shared/ledger"
	"github.com/vegascore/vegascore/shared/money"
	"github.com/vegascore/vegascore/shared/outbox"
)

// payBatch bounds the accounts that one transaction locks.
const payBatch = 200

// Due returns up to 100 tournaments that have something to settle or to pay.
func Due(ctx context.Context, q Querier) ([]uuid.UUID, error) {
	rows, err := q.Query(ctx, `SELECT id FROM tournaments
		WHERE state IN ('paying', 'refunding') OR state = 'open' AND ends_at + grace <= now() ORDER BY ends_at LIMIT 100`)
	if err != nil {
		return nil, fmt.Errorf("look for due tournaments: %w", err)
	}
	due, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	if err != nil {
		return nil, fmt.Errorf("look for due tournaments: %w", err)
	}
	return due, nil
}

// Progress is what a call of Settle has done.
type Progress struct {
	Fixed bool  // ranks and prizes, or that the fees go back
	Paid  int64 // prizes or refunds
	Owed  int64 // that cannot be paid now, because their accounts are frozen
	Over  bool  // the tournament is settled or cancelled
}

// due is a locked tournament.
type due struct {
	id      uuid.UUID
	state   string // of the table
	ripe    bool   // open, and its grace is over
	asset   money.Asset
	pool    uuid.UUID
	least   int64
	payouts []int32
}

// Settle does what is due: it fixes ranks and prizes by the rounds, or that the fees go
// back, and pays. It may be called any number of times, by several at once, and stopped
// anywhere: what was done is done once, and the next call goes on. A tournament that is not
// due is left alone. What is owed to frozen accounts stays in the pool, and the tournament
// unsettled, until they are thawed.
func Settle(ctx context.Context, db Transactor, id uuid.UUID) (p Progress, err error) {
	err = db.InTx(ctx, func(tx pgx.Tx) error {
		p = Progress{}
		return locked(ctx, tx, id, func(d due) error {
			p.Fixed = d.ripe
			return d.fix(ctx, tx)
		})
	})
	if err != nil {
		return p, fmt.Errorf("settle tournament %s: %w", id, err)
	}
	after := uuid.Nil
	for more := true; more; {
		var batch Progress
		upto := after
		err := db.InTx(ctx, func(tx pgx.Tx) error {
			batch, more = Progress{}, false
			return locked(ctx, tx, id, func(d due) (err error) {
				upto, more, batch, err = d.pay(ctx, tx, after)
				if err == nil && !more {
					batch.Over, err = d.end(ctx, tx)
				}
				return err
			})
		})
		if err != nil {
			return p, fmt.Errorf("pay tournament %s: %w", id, err)
		}
		after = upto
		p.Paid, p.Owed, p.Over = p.Paid+batch.Paid, p.Owed+batch.Owed, batch.Over
	}
	return p, nil
}

// locked calls do with the tournament, which nobody else changes until tx ends, unless it
// is over or away.
func locked(ctx context.Context, tx pgx.Tx, id uuid.UUID, do func(due) error) error {
	d := due{id: id}
	err := tx.QueryRow(ctx, `SELECT state::text, state = 'open' AND ends_at + grace <= now(), asset::text, pool, least_entries, payouts
		FROM tournaments WHERE id = $1 AND state IN ('open', 'paying', 'refunding') FOR UPDATE`, id).
		Scan(&d.state, &d.ripe, (*string)(&d.asset), &d.pool, &d.least, &d.payouts)
	if none(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("lock: %w", err)
	}
	return do(d)
}

// fix makes the points from the rounds, and the prizes from the points.
func (d due) fix(ctx context.Context, tx pgx.Tx) error {
	if !d.ripe {
		return nil
	}
	if _, err := tx.Exec(ctx, `SELECT tournament_fix($1)`, d.id); err != nil {
		return fmt.Errorf("fix points: %w", err)
	}
	var entries, scored, fees int64
	err := tx.QueryRow(ctx, `SELECT count(*), count(*) FILTER (WHERE points > 0), coalesce(sum(fee), 0)::bigint FROM tournament_entries WHERE tournament_id = $1`,
		d.id).Scan(&entries, &scored, &fees)
	if err != nil {
		return fmt.Errorf("count entries: %w", err)
	}
	pool, err := ledger.Derived(ctx, tx, d.pool, d.asset)
	if err != nil {
		return err
	}
	if pool != money.Amount(fees) {
		return fmt.Errorf("the pool holds %d, the fees are %d", pool, fees)
	}
	if entries < d.least || scored == 0 {
		if _, err := tx.Exec(ctx, `SELECT tournament_refund($1)`, d.id); err != nil {
			return fmt.Errorf("refund: %w", err)
		}
		return nil
	}
	prizes, err := Prizes(pool, d.payouts, int(scored))
	if err != nil {
		return err
	}
	amounts := make([]int64, len(prizes))
	for i, p := range prizes {
		amounts[i] = int64(p)
	}
	const award = `
		UPDATE tournament_entries e SET prize = p.prize
		FROM (SELECT player_id, row_number() OVER (ORDER BY points DESC, reached_at, entered_at, player_id) AS rank
		      FROM tournament_entries WHERE tournament_id = $1) r
		JOIN unnest($2::bigint[]) WITH ORDINALITY AS p (prize, rank) ON p.rank = r.rank AND p.prize > 0
		WHERE e.tournament_id = $1 AND e.player_id = r.player_id`
	if _, err := tx.Exec(ctx, award, d.id, amounts); err != nil {
		return fmt.Errorf("award prizes: %w", err)
	}
	if _, err := tx.Exec(ctx, `UPDATE tournaments SET state = 'paying' WHERE id = $1`, d.id); err != nil {
		return fmt.Errorf("fix ranks: %w", err)
	}
	return nil
}

// pay pays the next prizes or refunds, of the players after the given one.
func (d due) pay(ctx context.Context, tx pgx.Tx, after uuid.UUID) (upto uuid.UUID, more bool, p Progress, err error) {
	if d.state == "open" {
		return after, false, p, nil // not due
	}
	owed, players, err := d.owed(ctx, tx, after)
	if err != nil || len(players) == 0 {
		return after, false, p, err
	}
	// First the accounts, in their order, then the frozen ones among them: under the lock none
	// is frozen any more.
	held, err := ledger.Lock(ctx, tx, players, d.asset)
	if err != nil {
		return after, false, p, err
	}
	frozen, err := frozenOf(ctx, tx, players, d.asset)
	if err != nil {
		return after, false, p, err
	}
	var transfers []ledger.Transfer
	var rows []outbox.Row
	var paid []pgtype.UUID
	for _, h := range held {
		if frozen[h.Player] {
			continue
		}
		amount := owed[h.Player]
		transfer := ledger.PrizeOf(d.id, d.pool, h.Account, amount)
		if d.state == "refunding" {
			transfer = ledger.RefundOf(d.id, d.pool, h.Account, amount)
		}
		row, err := balanceRow(h.Player, d.id, h.Amount+amount, d.asset, "")
		if err != nil {
			return after, false, p, err
		}
		transfers, rows, paid = append(transfers, transfer), append(rows, row), append(paid, parameter(h.Player))
	}
	p.Paid, p.Owed = int64(len(paid)), int64(len(players)-len(paid))
	if err := ledger.Post(ctx, tx, d.asset, transfers...); err != nil {
		return after, false, p, err
	}
	if _, err := tx.Exec(ctx, `UPDATE tournament_entries SET paid_at = now() WHERE tournament_id = $1 AND player_id = ANY ($2)`, d.id, paid); err != nil {
		return after, false, p, fmt.Errorf("mark paid: %w", err)
	}
	if len(rows) > 0 {
		if err := outbox.Add(ctx, tx, rows...); err != nil {
			return after, false, p, err
		}
	}
	return players[len(players)-1], len(players) == payBatch, p, nil
}

// owed are the next players that are to be paid, and what.
func (d due) owed(ctx context.Context, tx pgx.Tx, after uuid.UUID) (map[uuid.UUID]money.Amount, []uuid.UUID, error) {
	rows, err := tx.Query(ctx, `SELECT player_id, prize FROM tournament_entries
		WHERE tournament_id = $1 AND prize IS NOT NULL AND paid_at IS NULL AND player_id > $2 ORDER BY player_id LIMIT $3`, d.id, after, payBatch)
	if err != nil {
		return nil, nil, fmt.Errorf("read what is owed: %w", err)
	}
	amounts := make(map[uuid.UUID]money.Amount)
	var players []uuid.UUID
	var player uuid.UUID
	var amount int64
	_, err = pgx.ForEachRow(rows, []any{&player, &amount}, func() error {
		amounts[player] = money.Amount(amount)
		players = append(players, player)
		return nil
	})
	if err != nil {
		return nil, nil, fmt.Errorf("read what is owed: %w", err)
	}
	return amounts, players, nil
}

func frozenOf(ctx context.Context, tx pgx.Tx, players []uuid.UUID, asset money.Asset) (map[uuid.UUID]bool, error) {
	ids := make([]pgtype.UUID, len(players))
	for i, p := range players {
		ids[i] = parameter(p)
	}
	rows, err := tx.Query(ctx, `SELECT owner FROM ledger_accounts WHERE owner = ANY ($1) AND asset = $2 AND frozen_at IS NOT NULL`, ids, string(asset))
	if err != nil {
		return nil, fmt.Errorf("look for frozen accounts: %w", err)
	}
	all, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	if err != nil {
		return nil, fmt.Errorf("look for frozen accounts: %w", err)
	}
	frozen := make(map[uuid.UUID]bool)
	for _, p := range all {
		frozen[p] = true
	}
	return frozen, nil
}

// end closes a tournament that owes nothing any more. Its pool has to be empty.
func (d due) end(ctx context.Context, tx pgx.Tx) (over bool, err error) {
	if d.state == "open" {
		return false, nil
	}
	var owing bool
	err = tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM tournament_entries WHERE tournament_id = $1 AND prize IS NOT NULL AND paid_at IS NULL)`, d.id).Scan(&owing)
	if err != nil || owing {
		return false, err
	}
	left, err := ledger.Derived(ctx, tx, d.pool, d.asset)
	if err != nil {
		return false, err
	}
	if left != 0 {
		return false, fmt.Errorf("all is paid, and the pool holds %d", left)
	}
	state := map[string]string{"paying": "settled", "refunding": "cancelled"}[d.state]
	_, err = tx.Exec(ctx, `UPDATE tournaments SET state = $2, ended_at = now() WHERE id = $1`, d.id, state)
	return err == nil, err
}
