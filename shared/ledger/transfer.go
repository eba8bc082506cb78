package ledger

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/vegascore/vegascore/shared/money"
)

// Kind says why money moved.
type Kind string

// The kinds of transfers. All but grants belong to a round, or to a tournament.
const (
	Grant  Kind = "grant"  // world to player: play money given
	Stake  Kind = "stake"  // player to house, or hold to house: all that a round has cost
	Payout Kind = "payout" // house to player
	Hold   Kind = "hold"   // player to hold: what an open round costs, until it ends
	Void   Kind = "void"   // hold to player: what was held for a round that did not count

	Contribution Kind = "contribution" // house to jackpot: what a round adds to it
	Jackpot      Kind = "jackpot"      // jackpot to player: all that was in it

	Entry  Kind = "entry"  // player to the pool of a tournament
	Prize  Kind = "prize"  // pool to player
	Refund Kind = "refund" // pool to player: the fee of a tournament that was cancelled
)

// The accounts of play money that belong to no player; migrations 0002, 0010 and 0012 make them.
var (
	House = uuid.MustParse("00000000-0000-7000-8000-000000000001") // takes stakes, pays payouts
	World = uuid.MustParse("00000000-0000-7000-8000-000000000002") // where granted money comes from
	Pool  = uuid.MustParse("00000000-0000-7000-8000-000000000004") // has what the jackpot would pay
	Held  = uuid.MustParse("00000000-0000-7000-8000-000000000003") // has what is staked in open rounds
)

// Transfer moves Amount, which is more than zero, from account Debit to account
// Credit. Round is the nil UUID for a grant, and the tournament for what belongs to one.
type Transfer struct {
	ID            uuid.UUID
	Debit, Credit uuid.UUID
	Amount        money.Amount
	Kind          Kind
	Round         uuid.UUID
}

// GrantTo returns a transfer of new play money to a player's account.
func GrantTo(account uuid.UUID, amount money.Amount) Transfer {
	return Transfer{ID: newID(), Debit: World, Credit: account, Amount: amount, Kind: Grant}
}

// HoldOf returns the transfer of what an open round costs to the account Held.
func HoldOf(round, account uuid.UUID, amount money.Amount) Transfer {
	return Transfer{ID: newID(), Debit: account, Credit: Held, Amount: amount, Kind: Hold, Round: round}
}

// StakeHeld returns the transfer of all that was held for a round to the house.
func StakeHeld(round uuid.UUID, amount money.Amount) Transfer {
	return Transfer{ID: newID(), Debit: Held, Credit: House, Amount: amount, Kind: Stake, Round: round}
}

// StakeOf returns the transfer of the stake of a round that is over at once to the house.
func StakeOf(round, account uuid.UUID, amount money.Amount) Transfer {
	return Transfer{ID: newID(), Debit: account, Credit: House, Amount: amount, Kind: Stake, Round: round}
}

// PayoutOf returns the transfer of what a round pays.
func PayoutOf(round, account uuid.UUID, amount money.Amount) Transfer {
	return Transfer{ID: newID(), Debit: House, Credit: account, Amount: amount, Kind: Payout, Round: round}
}

// ContributionOf returns the transfer of what a round adds to the jackpot.
func ContributionOf(round uuid.UUID, amount money.Amount) Transfer {
	return Transfer{ID: newID(), Debit: House, Credit: Pool, Amount: amount, Kind: Contribution, Round: round}
}

// JackpotOf returns the transfer of what was in the jackpot to who won it.
func JackpotOf(round, account uuid.UUID, amount money.Amount) Transfer {
	return Transfer{ID: newID(), Debit: Pool, Credit: account, Amount: amount, Kind: Jackpot, Round: round}
}

// VoidOf returns the transfer that gives back what was held for a round that did not
// count.
func VoidOf(round, account uuid.UUID, amount money.Amount) Transfer {
	return Transfer{ID: newID(), Debit: Held, Credit: account, Amount: amount, Kind: Void, Round: round}
}

// EntryOf returns the transfer of the fee of a tournament to its pool.
func EntryOf(tournament, account, pool uuid.UUID, fee money.Amount) Transfer {
	return Transfer{ID: newID(), Debit: account, Credit: pool, Amount: fee, Kind: Entry, Round: tournament}
}

// PrizeOf returns the transfer of a prize of a tournament.
func PrizeOf(tournament, pool, account uuid.UUID, amount money.Amount) Transfer {
	return Transfer{ID: newID(), Debit: pool, Credit: account, Amount: amount, Kind: Prize, Round: tournament}
}

// RefundOf returns the transfer that gives back the fee of a tournament that was cancelled.
func RefundOf(tournament, pool, account uuid.UUID, fee money.Amount) Transfer {
	return Transfer{ID: newID(), Debit: pool, Credit: account, Amount: fee, Kind: Refund, Round: tournament}
}

// newID returns a UUIDv7: ids that grow with time fill the index from one end.
func newID() uuid.UUID { return uuid.Must(uuid.NewV7()) }

// Why the ledger refuses transfers.
var (
	ErrInsufficient = errors.New("balance would be below zero")
	ErrNoAccount    = errors.New("no such account with this asset")
	ErrInvalid      = errors.New("transfer is not valid")
	ErrFrozen       = errors.New("account is frozen")
)

// Refusal puts one of the errors above around what the database says about a post,
// and returns everything else as it is. Post does this itself; it is for callers of
// Queue.
func Refusal(err error) error {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return err
	}
	switch {
	case pg.ConstraintName == "ledger_balance_not_negative":
		return fmt.Errorf("%w: %w", ErrInsufficient, err)
	case pg.ConstraintName == "ledger_account_not_frozen":
		return fmt.Errorf("%w: %w", ErrFrozen, err)
	case pg.Code == "23503":
		return fmt.Errorf("%w: %w", ErrNoAccount, err)
	case pg.Code[:2] == "23" || pg.Code[:2] == "22": // another constraint, or a sum out of range
		return fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return err
}

const postSQL = `SELECT ledger_post($1, $2, $3, $4, $5, $6, $7)`

// Queue adds the booking of the transfers to a pipeline, as one statement for any
// number of them. The transaction around it is the caller's. Nothing is queued when
// there are no transfers.
func Queue(b *pgx.Batch, asset money.Asset, ts ...Transfer) {
	if len(ts) > 0 {
		b.Queue(postSQL, arguments(asset, ts)...)
	}
}

// Post books the transfers, all or none, in the caller's transaction. On one of the
// errors of this package, or any other, the transaction can only be rolled back.
func Post(ctx context.Context, tx pgx.Tx, asset money.Asset, ts ...Transfer) error {
	if len(ts) == 0 {
		return nil
	}
	if _, err := tx.Exec(ctx, postSQL, arguments(asset, ts)...); err != nil {
		return fmt.Errorf("post %d transfers: %w", len(ts), Refusal(err))
	}
	return nil
}

// arguments are the columns of the transfers.
func arguments(asset money.Asset, ts []Transfer) []any {
	ids, debits, credits, rounds := make([]pgtype.UUID, len(ts)), make([]pgtype.UUID, len(ts)), make([]pgtype.UUID, len(ts)), make([]pgtype.UUID, len(ts))
	amounts, kinds := make([]int64, len(ts)), make([]string, len(ts))
	for i, t := range ts {
		ids[i], debits[i], credits[i], rounds[i] = parameter(t.ID), parameter(t.Debit), parameter(t.Credit), parameter(t.Round)
		amounts[i], kinds[i] = int64(t.Amount), string(t.Kind)
	}
	return []any{ids, debits, credits, amounts, kinds, rounds, string(asset)}
}

// parameter is an id as an array element; pgx knows arrays of this type even when,
// through a pooler, it cannot ask the server what a parameter is. The nil UUID
// becomes NULL.
func parameter(id uuid.UUID) pgtype.UUID { return pgtype.UUID{Bytes: id, Valid: id != uuid.Nil} }
