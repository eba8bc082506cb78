package play

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/vegascore/vegascore/services/actions/internal/batch"
	"github.com/vegascore/vegascore/services/actions/internal/protection"
	"github.com/vegascore/vegascore/shared/money"
	"github.com/vegascore/vegascore/shared/postgres"
	"github.com/vegascore/vegascore/shared/problem"
)

const (
	// timeLimit is for the transaction of a bet with all its attempts, and for the wait
	// until it is this bet's turn.
	timeLimit = 5 * time.Second
	// queueTime is how long a bet waits for an executor, and backlog how many wait:
	// beyond them more are arriving than are served, and waiting would not end.
	queueTime = 200 * time.Millisecond
	backlog   = 1024
	// attempts bounds the claims of one bet.
	attempts = 6
	// firstPause is the longest pause before the second attempt; it doubles.
	firstPause = 5 * time.Millisecond
	// cleanUp is for the ROLLBACK of an attempt whose time is over.
	cleanUp = time.Second
)

// Database is what a Desk needs of a *postgres.DB.
type Database interface {
	Acquire(ctx context.Context) (*pgxpool.Conn, error)
	Pooled() bool
}

// Desk takes bets. It may be used by many goroutines.
type Desk struct {
	db      Database
	maxima  string // of protection.Maxima
	asset   money.Asset
	wake    func()
	takings Takings // nil: nobody counts
	turns   turns
	queue   *batch.Queue[*Bet, result]
	shared  *batch.Queue[*Bet, result] // for bets at shared tables, which are claimed in another way
}

// Options bound what a desk does at the same time; see package batch. The zero value is
// what production uses.
type Options struct {
	// Batch is how many bets may share a transaction; 64 when 0, and 1 lets none.
	Batch int `env:"BET_BATCH"`
	// Executors is how many transactions run at the same time, each with a connection;
	// 8 when 0. The pool should have a connection for each, and some for the rest. Bets at
	// shared tables have a quarter as many of their own.
	Executors int `env:"BET_EXECUTORS"`
	// Maxima are the house's own limits of what a player stakes, loses and plays.
	Maxima protection.Maxima `env:"HOUSE_LIMITS"`
}

// NewDesk returns a desk for play money. wake is called after each commit that has
// left rows in the outbox; it must not block.
func NewDesk(db Database, opts Options, wake func()) *Desk {
	d := &Desk{db: db, maxima: opts.Maxima.Setting(), asset: money.Play, wake: wake, turns: turns{waiting: make(map[uuid.UUID]*turn)}}
	bounds := batch.Options{Executors: cmp.Or(opts.Executors, 8), Size: cmp.Or(opts.Batch, 64), Backlog: backlog, Time: timeLimit}
	d.queue = batch.New(bounds, d.place, ofAll)
	bounds.Executors = (bounds.Executors + 3) / 4
	d.shared = batch.New(bounds, d.place, ofAll)
	return d
}

func (d *Desk) opening() opening { return opening{pooled: d.db.Pooled(), maxima: d.maxima} }

// Close waits for the transactions that are under way.
func (d *Desk) Close() {
	d.queue.Wait()
	d.shared.Wait()
}

// Place plays a bet and returns once its outcome is committed. Errors are problems,
// or come from the database as postgres.Problem leaves them.
func (d *Desk) Place(ctx context.Context, bet *Bet) (Answer, error) {
	// The player may hang up; half a bet would then hold a connection that has to be
	// thrown away, and the player would not know.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), timeLimit)
	defer cancel()
	// A player's bets wait for each other here rather than in the database, where
	// each would hold a connection.
	done, err := d.turns.take(ctx, bet.player.ID)
	if err != nil {
		return Answer{}, err
	}
	defer done()
	ctx, span := tracer().Start(ctx, "place bet")
	defer span.End()
	bet.span = span.SpanContext()
	waiting, stop := context.WithTimeout(ctx, queueTime)
	defer stop()
	queue := d.queue
	if bet.game.Shared {
		queue = d.shared
	}
	switch result, err := queue.Do(waiting, bet); {
	case errors.Is(err, batch.ErrFull), errors.Is(err, batch.ErrLate):
		return Answer{}, problem.Of(problem.Busy, "Too many bets are waiting. Try again with the same key.").Because(err)
	case err != nil:
		return Answer{}, fmt.Errorf("place bet %s: %w", bet.round, postgres.Problem(err))
	default:
		return result.answer, result.err
	}
}

// ofAll says whether an error would be that of each bet of a set by itself: the server
// is away, or has no connection for us.
func ofAll(err error) bool {
	return errors.Is(err, postgres.ErrBusy) || errors.Is(postgres.Problem(err), problem.New(0, problem.Unavailable, ""))
}

// result is what became of one bet of a set.
type result struct {
	answer Answer
	err    error

	over *Round // the round that this request has ended, now or by an attempt whose end was lost
}

// place plays a set of bets of different players, again if need be. An error is one
// of the whole set.
func (d *Desk) place(ctx context.Context, bets []*Bet) (results []result, err error) {
	err = insist(ctx, func() (err error) {
		results, err = d.attempt(ctx, bets)
		return err
	})
	if err != nil {
		return nil, err
	}
	for i, r := range results {
		d.count(r.over, bets[i].move.Prizes)
	}
	return results, nil
}

// insist calls once until it succeeds, another attempt could do no better, or there were
// enough.
func insist(ctx context.Context, once func() error) error {
	for attempt := 1; ; attempt++ {
		err := once()
		if err == nil || attempt == attempts || !again(err) {
			return err
		}
		select {
		case <-time.After(rand.N(firstPause << (attempt - 1))):
		case <-ctx.Done():
			return err
		}
	}
}

// attempt is one transaction.
func (d *Desk) attempt(ctx context.Context, bets []*Bet) (_ []result, err error) {
	ctx, end := transaction(ctx, bets)
	defer func() { end(err) }()
	conn, err := d.db.Acquire(ctx)
	if err != nil {
		return nil, fmt.Errorf("acquire connection: %w", err)
	}
	defer conn.Release()
	defer rollback(ctx, conn.Conn())

	claims, err := claim(ctx, conn.Conn(), d.opening(), d.asset, bets)
	if err != nil {
		return nil, err
	}
	results, decisions := make([]result, len(bets)), make([]*decision, 0, len(bets))
	for i, bet := range bets {
		if claims[i].verdict != isNew {
			results[i] = refuse(bet, &claims[i])
			continue
		}
		won, err := d.jackpot(ctx, conn.Conn(), bet, &claims[i], decisions)
		if err != nil {
			return nil, fmt.Errorf("decide round %s: %w", bet.round, err)
		}
		decision, err := decide(bet, &claims[i], d.asset, won)
		if err != nil {
			return nil, fmt.Errorf("decide round %s: %w", bet.round, err)
		}
		decisions = append(decisions, decision)
		results[i] = result{answer: Answer{Body: decision.answer}, over: ended(decision.public)}
	}
	if len(decisions) == 0 {
		return results, nil
	}
	if err := settle(ctx, conn.Conn(), d.asset, decisions); err != nil {
		return nil, err
	}
	d.wake()
	return results, nil
}

// refuse answers a bet that was not played now.
func refuse(bet *Bet, c *claimed) result {
	switch c.verdict {
	case isReplay:
		if !bytes.Equal(c.hash, bet.hash[:]) {
			return result{err: problem.Of(problem.KeyReused, "This key was used for another request.")}
		}
		// An attempt of this very request may have been committed unnoticed.
		if c.round == bet.round {
			return result{answer: Answer{Body: []byte(c.answer)}, over: endedBy(c.answer)}
		}
		return result{answer: Answer{Body: []byte(c.answer), Replayed: true}}
	case isOpen:
		return result{err: problem.Of(problem.RoundOpen, "Your round %s of this game is open. Play it to its end first.", c.round)}
	case insufficient:
		return result{err: problem.Of(problem.InsufficientFunds, "The balance is %d.", c.balance)}
	case isClosed:
		return result{err: problem.Of(problem.BetsClosed, "No bets are taken at this table now.")}
	case isFull:
		return result{err: problem.Of(problem.TooManyBets, "You have %d bets in this round of the table, which is all.", MostBets)}
	case isFrozen:
		return result{err: problem.Of(problem.AccountFrozen, "The house is looking into this account.")}
	case isRefused:
		return result{err: protection.Refusal(c.answer)}
	case noAccount:
		return result{err: problem.Of(problem.TokenInvalid, "The player of this token does not exist here.")}
	}
	return result{err: fmt.Errorf("place bet %s: verdict %q", bet.round, c.verdict)}
}

// ended is the round if it is over.
func ended(r Round) *Round {
	if r.State != settled {
		return nil
	}
	return &r
}

// endedBy is the round of a stored answer if it was over then.
func endedBy(answer string) *Round {
	r, err := roundIn([]byte(answer))
	if err != nil {
		return nil // nobody counts what nobody can read
	}
	return ended(r.Round)
}

// rollback ends a transaction that is still open, so that the connection can be used
// again. A connection that does not answer is closed.
func rollback(ctx context.Context, conn *pgx.Conn) {
	if conn.IsClosed() || conn.PgConn().TxStatus() == 'I' {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanUp)
	defer cancel()
	_, _ = conn.Exec(ctx, `ROLLBACK`) // the pool throws away a connection that is still in a transaction
}

// again reports whether another attempt can do better. Every attempt begins with the
// claim of the key, so it may also follow a commit whose outcome is unknown.
func again(err error) bool {
	var pg *pgconn.PgError
	if errors.As(err, &pg) && (pg.Code == "40001" || pg.Code == "40P01") {
		return true
	}
	var connect *pgconn.ConnectError
	if errors.As(err, &connect) || errors.Is(err, postgres.ErrNoConnection) || errors.Is(err, context.DeadlineExceeded) {
		return false // the server is away; waiting is the caller's part
	}
	// What is left of "unavailable" is a connection that broke.
	return errors.Is(postgres.Problem(err), problem.New(0, problem.Unavailable, ""))
}
