package ledger

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/vegascore/vegascore/shared/money"
)

// Balance is what a player's account holds.
type Balance struct {
	Player, Account uuid.UUID
	Amount          money.Amount
}

// Querier reads: a pool, a connection or a transaction.
type Querier interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// Open makes the player's account for an asset, with balance 0, in the caller's
// transaction. A player has one account per asset: a second Open is ErrInvalid.
func Open(ctx context.Context, tx pgx.Tx, account, player uuid.UUID, asset money.Asset) error {
	if _, err := tx.Exec(ctx, `SELECT ledger_open($1, $2, $3)`, account, player, string(asset)); err != nil {
		return fmt.Errorf("open account of player %s: %w", player, Refusal(err))
	}
	return nil
}

// Lock locks the players' accounts until the transaction ends and returns what they
// hold, in the order of the account ids. Players without an account are missing from
// the answer. Who waits here sees what the one before has committed.
func Lock(ctx context.Context, tx pgx.Tx, players []uuid.UUID, asset money.Asset) ([]Balance, error) {
	ids := make([]pgtype.UUID, len(players))
	for i, p := range players {
		ids[i] = parameter(p)
	}
	rows, err := tx.Query(ctx, `SELECT player, account, balance FROM ledger_lock($1, $2)`, ids, string(asset))
	if err != nil {
		return nil, fmt.Errorf("lock %d accounts: %w", len(players), err)
	}
	held, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Balance, error) {
		var b Balance
		err := row.Scan(&b.Player, &b.Account, (*int64)(&b.Amount))
		return b, err
	})
	if err != nil {
		return nil, fmt.Errorf("lock %d accounts: %w", len(players), err)
	}
	return held, nil
}

// Derived returns what the transfers of an account without a stored balance add up to, such
// as Held.
func Derived(ctx context.Context, q Querier, account uuid.UUID, asset money.Asset) (money.Amount, error) {
	var sum int64
	if err := q.QueryRow(ctx, `SELECT ledger_derived($1, $2)`, account, string(asset)).Scan(&sum); err != nil {
		return 0, fmt.Errorf("add up account %s: %w", account, err)
	}
	return money.Amount(sum), nil
}

// BalanceOf returns what a player holds, or ErrNoAccount. Outside a transaction that
// has locked the account the figure may be old when it arrives.
func BalanceOf(ctx context.Context, q Querier, player uuid.UUID, asset money.Asset) (money.Amount, error) {
	var balance int64
	err := q.QueryRow(ctx, `SELECT balance FROM ledger_accounts WHERE owner = $1 AND asset = $2`,
		player, string(asset)).Scan(&balance)
	if errors.Is(err, pgx.ErrNoRows) {
		err = ErrNoAccount
	}
	if err != nil {
		return 0, fmt.Errorf("read balance of player %s: %w", player, err)
	}
	return money.Amount(balance), nil
}
