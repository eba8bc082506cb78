package bench

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/jackc/pgx/v5"
)

// Growth is how bets fare with a large ledger, next to a small one.
type Growth struct {
	Pairs

	// Small and Large are the ledger rows before the bets, Bytes the size of the large
	// database, Filled how long it took to fill it.
	Small  int64         `json:"small_rows"`
	Large  int64         `json:"large_rows"`
	Bytes  int64         `json:"large_bytes"`
	Filled time.Duration `json:"filled_ns"`
}

// smallRows is how many ledger rows the small database has.
const smallRows = 20_000

// growth measures in turn. The players who bet have a part in the rows, as everybody
// else in the database.
func (b *bench) growth(ctx context.Context, env *environment) (*Growth, error) {
	names := [2]string{"small", "large"}
	rows := [2]int64{smallRows, max(b.Rows, smallRows)}
	var urls [2]string
	var err error
	for i, name := range names {
		if urls[i], err = env.database(ctx, name); err != nil {
			return nil, err
		}
		defer func() { _ = env.drop(context.WithoutCancel(ctx), name) }() // goes with the server, if not now
	}
	pairs, err := b.newPairs(ctx, env, urls[0], urls[1])
	defer closePairs(pairs) // before the drop
	if err != nil {
		return nil, err
	}
	r := &Growth{Pairs: Pairs{Rounds: b.rounds}}
	var filled [2]history
	for i, name := range names {
		b.say("filling a database with %d ledger rows", rows[i])
		began := time.Now()
		if filled[i], err = b.fill(ctx, env, name, rows[i], 60*24*time.Hour, 24*time.Hour); err != nil {
			return nil, err
		}
		r.Filled = time.Since(began)
	}
	r.Small, r.Large = filled[0].transfers, filled[1].transfers
	err = onDatabase(ctx, env, names[1], func(conn *pgx.Conn) error {
		return conn.QueryRow(ctx, "SELECT pg_database_size(current_database())").Scan(&r.Bytes)
	})
	if err != nil {
		return nil, fmt.Errorf("measure the large database: %w", err)
	}
	b.say("filled with %d rows, %d MiB, in %s", r.Large, r.Bytes>>20, r.Filled.Round(time.Second))
	if err := warmPairs(ctx, pairs, b.betsWarmUp); err != nil {
		return nil, err
	}
	for round := range b.rounds {
		for _, p := range pairs {
			if err := p.run(ctx, env, b.roundTime, round); err != nil {
				return nil, err
			}
			b.say("bets with %d and %d ledger rows, round %d, %s: %.2f", r.Small, r.Large, round+1, p.sides[0].Name, p.ratios[round])
		}
	}
	r.sum(pairs)
	for i, name := range names {
		if err := r.check(ctx, env, name, answered(pairs, i)+filled[i].rounds); err != nil {
			return nil, err
		}
	}
	return r, nil
}

func (r *Growth) write(w io.Writer) {
	fmt.Fprintf(w, "\nA ledger of %d rows next to one of %d, medians of %d rounds in turn; %d MiB, filled in %s\n",
		r.Large, r.Small, r.Rounds, r.Bytes>>20, r.Filled.Round(time.Second))
	r.Pairs.write(w, "small", "large")
}
