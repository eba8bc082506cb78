package tables

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/vegascore/vegascore/services/actions/internal/games"
	"github.com/vegascore/vegascore/services/actions/internal/play"
	"github.com/vegascore/vegascore/shared/postgres"
	"github.com/vegascore/vegascore/shared/problem"
)

// States of a table's round; the fourth is void.
const (
	Open    = "open"
	Locked  = "locked"
	Settled = "settled"
)

const (
	// busyTime bounds one call: what is still due then is the next call's.
	busyTime = 3 * time.Second
	// chunk is how many bets are ended in one transaction.
	chunk = 500
)

// Desk ends bets, as *play.Desk does.
type Desk interface {
	EndBets(ctx context.Context, tx pgx.Tx, result play.Result, most int) ([]play.Ended, error)
	Count(ended []play.Ended)
}

// Floor moves the shared tables on. It may be used by many goroutines.
type Floor struct {
	db    *postgres.DB
	desk  Desk
	speed int
	wake  func()
}

// Options are for trying things out; the zero value is what production uses.
type Options struct {
	// Speed divides the times of the tables, but those that the rules of a game have; 1
	// when 0.
	Speed int `env:"TABLE_SPEED"`
}

// New returns a floor. wake is called after each commit that has left rows in the outbox;
// it must not block.
func New(db *postgres.DB, desk Desk, opts Options, wake func()) *Floor {
	return &Floor{db: db, desk: desk, speed: max(opts.Speed, 1), wake: wake}
}

// Standing is where a table is. Next is the time until something is due; 0 says that
// something is, or that nothing will be until a leader asks.
type Standing struct {
	Table string    `json:"table"`
	Round uuid.UUID `json:"round,omitzero"`
	Seq   int64     `json:"seq"`
	State string    `json:"state"`
	Next  int64     `json:"next_ms"`
}

// Advance does what is due at a table. fence is that of the caller's lease; a caller
// without one, who sends 0, ends what was left and opens nothing. It returns the problem
// stale_fence when a newer leader was there.
func (f *Floor) Advance(ctx context.Context, table games.Table, fence int64) (Standing, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*busyTime)
	defer cancel()
	for began := time.Now(); ; {
		var s step
		err := f.db.InTx(ctx, func(tx pgx.Tx) error {
			s = step{floor: f, tx: tx, table: table}
			return s.take(ctx, fence)
		})
		if err != nil {
			return Standing{}, fmt.Errorf("advance table %s: %w", table.ID, postgres.Problem(err))
		}
		f.desk.Count(s.ended)
		if s.told {
			f.wake()
		}
		if !s.again || time.Since(began) > busyTime {
			return s.standing(), nil
		}
	}
}

// step is one transaction at a table.
type step struct {
	floor *Floor
	tx    pgx.Tx
	table games.Table
	round *round // the newest one, nil before the first
	at    time.Time

	next  time.Time // when something is due
	again bool      // something is due already
	told  bool      // there are rows in the outbox
	ended []play.Ended
}

func (s *step) standing() Standing {
	st := Standing{Table: s.table.ID, State: Settled}
	if s.round != nil {
		st.Round, st.Seq, st.State = s.round.id, s.round.seq, s.round.state
	}
	if st.State == void {
		st.State = Settled // for a croupier: the next one may come
	}
	if !s.next.IsZero() {
		st.Next = max(0, s.next.Sub(s.at).Milliseconds()+1)
	}
	return st
}

// take does one thing, if one is due.
func (s *step) take(ctx context.Context, fence int64) error {
	if err := s.claim(ctx, fence); err != nil {
		return err
	}
	r := s.round
	switch {
	case r == nil || r.state == Settled || r.state == void:
		if r != nil {
			s.next = r.settledAt.Add(s.faster(s.table.Pause))
		}
		switch {
		case fence == 0:
			s.next = time.Time{}
			return s.endLeft(ctx)
		case s.at.Before(s.next):
			return nil
		}
		return s.open(ctx)
	case r.state == Open:
		if s.next = r.locksAt; s.at.Before(s.next) {
			return nil
		}
		return s.lock(ctx)
	case r.state == Locked:
		if s.next = r.dueAt; s.at.Before(s.next) {
			return nil
		}
		return s.settle(ctx)
	}
	return fmt.Errorf("state %q", r.state)
}

// faster is a time at this floor's speed.
func (s *step) faster(d time.Duration) time.Duration { return d / time.Duration(s.floor.speed) }

// claim locks the table's clock and reads its newest round.
func (s *step) claim(ctx context.Context, fence int64) error {
	const claim = `SELECT stale, fence, id, seq, rules, state, server_seed, server_hash, client_seed, chain_id, link,
		opened_at, locks_at, locked_at, due_at, settled_at, at FROM table_claim($1, $2)`
	var stale bool
	var highest int64
	var id, chain pgtype.UUID
	var seq pgtype.Int8
	var link pgtype.Int4
	var rules, state, serverSeed, serverHash, clientSeed pgtype.Text
	var openedAt, locksAt, lockedAt, dueAt, settledAt, at pgtype.Timestamptz
	err := s.tx.QueryRow(ctx, claim, s.table.ID, pgtype.Int8{Int64: fence, Valid: fence != 0}).Scan(&stale, &highest, &id, &seq, &rules, &state,
		&serverSeed, &serverHash, &clientSeed, &chain, &link, &openedAt, &locksAt, &lockedAt, &dueAt, &settledAt, &at)
	if err != nil {
		return fmt.Errorf("claim: %w", err)
	}
	if stale {
		return problem.Of(problem.StaleFence, "A newer leader was here.").With("fence", highest)
	}
	s.at = at.Time
	if !id.Valid {
		return nil
	}
	s.round = &round{
		id: id.Bytes, seq: seq.Int64, rules: rules.String, state: state.String,
		serverSeed: serverSeed.String, serverHash: serverHash.String, clientSeed: clientSeed.String, chain: chain.Bytes, link: link.Int32,
		openedAt: openedAt.Time, locksAt: locksAt.Time, lockedAt: lockedAt.Time, dueAt: dueAt.Time, settledAt: settledAt.Time,
	}
	return nil
}
