package sweep

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/vegascore/vegascore/shared/ledger"
	"github.com/vegascore/vegascore/shared/postgres"
)

// inTurn is how many accounts that did not move each pass compares all the same.
const inTurn = 2000

// why is stored with a frozen account.
const why = "balance and transfers disagree"

// verify verifies the ledger from the checkpoint on, or the whole of it when the last
// full pass is old, and freezes the accounts that disagree.
func verify(ctx context.Context, c Config, db *postgres.DB, logger *slog.Logger) Ledger {
	began := time.Now()
	l := Ledger{Pass: New, Wrong: []uuid.UUID{}, Froze: []uuid.UUID{}, Frozen: []uuid.UUID{}, Altered: []uuid.UUID{}}
	age, made, err := ledger.FullAge(ctx, db)
	if c.Pass == Full || c.Pass == Auto && (!made || age >= c.FullEvery) {
		l.Pass = Full
	}
	if err == nil {
		err = l.pass(ctx, db)
		if errors.Is(err, ledger.ErrNoCheckpoint) {
			l.Pass = Full
			err = l.pass(ctx, db)
		}
	}
	if err == nil {
		l.Frozen, err = ledger.Frozen(ctx, db)
	}
	l.TookMS = time.Since(began).Milliseconds()
	if err != nil {
		l.OK, l.Error = false, err.Error()
		return l
	}
	for _, account := range l.Froze {
		logger.ErrorContext(ctx, "account frozen", "account", account.String(), "reason", why)
	}
	return l
}

// pass is one transaction: an account that disagrees is frozen in the one that has found
// it, or the checkpoint does not move.
func (l *Ledger) pass(ctx context.Context, db *postgres.DB) error {
	var report ledger.Report
	var froze []uuid.UUID
	// In a transaction also because that is where the timeouts are right through a pooler.
	err := db.InTx(ctx, func(tx pgx.Tx) (err error) {
		if l.Pass == Full {
			report, err = ledger.VerifyAll(ctx, tx)
		} else {
			report, err = ledger.VerifyNew(ctx, tx, inTurn)
		}
		if err != nil {
			return err
		}
		froze, err = ledger.Freeze(ctx, tx, slices.Concat(report.Wrong, report.Altered), why)
		return err
	})
	if err != nil {
		return err
	}
	l.OK, l.Imbalance, l.Froze = report.OK(), report.Imbalance(), append(l.Froze, froze...)
	l.Accounts, l.Transfers, l.Sum = report.Accounts, report.Transfers, int64(report.Sum)
	l.Wrong, l.Altered = append(l.Wrong, report.Wrong...), append(l.Altered, report.Altered...)
	l.Negative, l.Unknown, l.Unsound = report.Negative, report.Unknown, report.Unsound
	return nil
}
