// Package sweep holds the checks of the sweep job. None of them stops the others.
package sweep

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/vegascore/vegascore/shared/broadcast"
	"github.com/vegascore/vegascore/shared/outbox"
	"github.com/vegascore/vegascore/shared/outbox/factsink"
	"github.com/vegascore/vegascore/shared/outbox/roomsink"
	"github.com/vegascore/vegascore/shared/postgres"
	"github.com/vegascore/vegascore/shared/redisconn"
)

// Run makes all checks and returns what they found. The error is one of the
// configuration.
func Run(ctx context.Context, c Config, logger *slog.Logger) (Result, error) {
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	db, err := postgres.Open(ctx, c.Database, logger)
	if err != nil {
		return Result{}, err
	}
	defer db.Close()
	return look(ctx, c, db, logger), nil
}

// look makes all checks, each at once with those that it does not wait for.
func look(ctx context.Context, c Config, db *postgres.DB, logger *slog.Logger) Result {
	var r Result
	var wg sync.WaitGroup // each ends with ctx at the latest
	wg.Go(func() { r.Ledger = verify(ctx, c, db, logger) })
	wg.Go(func() {
		r.Services = judge(Ask(ctx, c, c.ServiceTimeout))
		if err := noteVersions(ctx, db, r.Services); err != nil {
			logger.WarnContext(ctx, "versions not noted", "error", err) // the console lacks them, nothing else
		}
	})
	wg.Go(func() {
		// The rounds and tournaments first: what they have to say goes out in the same run.
		// What was sent long ago goes last.
		r.Rounds = endStuck(ctx, c, db)
		r.Tournaments = settleTournaments(ctx, db)
		r.Outbox = leftovers(ctx, c, db, logger)
		r.Pruned = prune(ctx, c, db)
	})
	wg.Wait()
	r.OK = r.Ledger.OK && r.Outbox.OK && r.Rounds.OK && r.Tournaments.OK && r.Pruned.OK
	for _, s := range r.Services {
		r.OK = r.OK && s.OK
	}
	level := slog.LevelInfo
	if !r.OK {
		level = slog.LevelError
	}
	logger.Log(ctx, level, "swept", "ok", r.OK, "ledger_ok", r.Ledger.OK, "outbox_ok", r.Outbox.OK, "unsent", r.Outbox.Unsent,
		"ledger_pass", string(r.Ledger.Pass), "imbalance", r.Ledger.Imbalance, "settled", r.Rounds.Settled, "voided", r.Rounds.Voided, "tournaments_over", r.Tournaments.Over, "pruned", r.Pruned.Rows)
	return r
}

// leftovers sends the rows that no service has sent in time. A service that
// crashed after its commit, and was not started again, leaves such.
func leftovers(ctx context.Context, c Config, db *postgres.DB, logger *slog.Logger) Outbox {
	o := Outbox{Sent: map[string]int{}}
	began := time.Now()
	unsent, oldest, err := outbox.Depth(ctx, db)
	if err == nil && oldest >= c.OlderThan {
		err = o.send(ctx, c, db, logger)
		var again error
		if unsent, oldest, again = outbox.Depth(ctx, db); again != nil {
			err = errors.Join(err, again)
		}
	}
	o.Unsent, o.OldestMS, o.OK = unsent, oldest.Milliseconds(), err == nil
	o.TookMS = time.Since(began).Milliseconds()
	if err != nil {
		o.Error = err.Error()
	}
	return o
}

// send drains both sinks; one that is away does not keep the other from it.
func (o *Outbox) send(ctx context.Context, c Config, db *postgres.DB, logger *slog.Logger) error {
	drain := func(sink outbox.Sink, sender outbox.Sender) error {
		d := outbox.NewDrainer(db, sink, sender, outbox.Options{OlderThan: c.OlderThan}, logger)
		n, err := d.Drain(ctx)
		o.Sent[string(sink)] = n
		return err
	}
	rooms := func() error {
		client, err := redisconn.Open(c.Redis.URL)
		if err != nil {
			return drain(outbox.Room, unopened{err})
		}
		defer func() { _ = client.Close() }() // nothing is under way any more
		return drain(outbox.Room, roomsink.New(broadcast.New(client, broadcast.Options{Adapter: c.Adapter}), logger))
	}
	facts := func() error {
		sender, err := factsink.Open(ctx, c.Facts)
		if err != nil {
			return drain(outbox.Fact, unopened{err})
		}
		return errors.Join(drain(outbox.Fact, sender), sender.Close())
	}
	return errors.Join(rooms(), facts())
}

// unopened stands for a sink that cannot be reached as configured, which matters
// only when there are rows for it.
type unopened struct{ err error }

func (u unopened) Send(context.Context, []outbox.Row) (int, error) {
	return 0, fmt.Errorf("open the sink: %w", u.err)
}
