// Package players makes guests and reads who a player is (table players).
package players

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/vegascore/vegascore/services/actions/internal/seeds"
	"github.com/vegascore/vegascore/shared/ledger"
	"github.com/vegascore/vegascore/shared/money"
	"github.com/vegascore/vegascore/shared/postgres"
)

// StartBalance is the play money that a guest is given, in minor units.
const StartBalance money.Amount = 100_000

// Player is who plays.
type Player struct {
	ID   uuid.UUID `json:"id"`
	Name string    `json:"name"`
}

// ErrUnknown says that there is no such player.
var ErrUnknown = errors.New("unknown player")

// Querier reads one row: a pool, a connection or a transaction.
type Querier interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// Transactor runs a function in a transaction, as *postgres.DB does.
type Transactor interface {
	InTx(ctx context.Context, fn func(pgx.Tx) error) error
}

// Create makes a guest with an account that holds StartBalance, booked as a grant,
// and with seeds. It returns the problem name_invalid for a name that CleanName
// does not take. A call whose outcome is unknown may have left a guest that nobody
// has a token for.
func Create(ctx context.Context, db Transactor, rawName string) (Player, error) {
	name, err := CleanName(rawName)
	if err != nil {
		return Player{}, err
	}
	p := Player{ID: uuid.Must(uuid.NewV7()), Name: name}
	account := uuid.Must(uuid.NewV7())
	err = db.InTx(ctx, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `INSERT INTO players (id, name) VALUES ($1, $2)`, p.ID, p.Name); err != nil {
			return err
		}
		if err := ledger.Open(ctx, tx, account, p.ID, money.Play); err != nil {
			return err
		}
		if err := ledger.Post(ctx, tx, money.Play, ledger.GrantTo(account, StartBalance)); err != nil {
			return err
		}
		return seeds.Start(ctx, tx, p.ID)
	})
	if err != nil {
		return Player{}, fmt.Errorf("create player: %w", postgres.Problem(err))
	}
	return p, nil
}

// Get returns a player and the balance, both as of one moment, or ErrUnknown.
func Get(ctx context.Context, q Querier, id uuid.UUID) (Player, money.Amount, error) {
	const read = `
		SELECT p.name, a.balance FROM players p JOIN ledger_accounts a ON a.owner = p.id AND a.asset = $2
		WHERE p.id = $1`
	p := Player{ID: id}
	var balance int64
	err := q.QueryRow(ctx, read, id, string(money.Play)).Scan(&p.Name, &balance)
	if errors.Is(err, pgx.ErrNoRows) {
		err = ErrUnknown
	}
	if err != nil {
		return Player{}, 0, fmt.Errorf("read player %s: %w", id, postgres.Problem(err))
	}
	return p, money.Amount(balance), nil
}
