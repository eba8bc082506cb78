package console

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/vegascore/vegascore/shared/roster"
)

// mostRounds bounds what one look reads of them; sql.go has the number, too.
const mostRounds = 10_000

// State is what the page shows. A part that could not be read is empty, and Errors says
// why by its name. Amounts are in minor units.
type State struct {
	At         time.Time         `json:"at"`
	TookMS     int64             `json:"took_ms"`
	Services   []Service         `json:"services"`   // that were asked by their address
	Containers []Container       `json:"containers"` // that are on the roster
	Server     Server            `json:"server"`
	Outbox     []Sink            `json:"outbox"`
	Ledger     Ledger            `json:"ledger"`
	Open       int64             `json:"open_rounds"` // counted up to 1,000
	Games      []Game            `json:"games"`
	Tables     []Table           `json:"tables"`
	Partial    bool              `json:"partial"` // the last hour has more rounds than Games and Tables count
	Rounds     []Round           `json:"rounds"`  // the latest first
	Rollouts   []Rollout         `json:"rollouts"`
	Migrations []Migration       `json:"migrations"`
	Swept      any               `json:"swept"`
	Errors     map[string]string `json:"errors"`
}

// Server is the PostgreSQL server.
type Server struct {
	LatencyMS   float64 `json:"latency_ms"`
	Connections int64   `json:"connections"`
	Most        int64   `json:"max_connections"`
}

// Sink is what waits in the outbox for one sink.
type Sink struct {
	Sink     string  `json:"sink"`
	Unsent   int64   `json:"unsent"` // of each of the 8 lanes up to 2,000
	OldestMS float64 `json:"oldest_ms"`
}

// Ledger is how far the ledger is verified.
type Ledger struct {
	PassedAt *time.Time `json:"passed_at"`
	FullAt   *time.Time `json:"full_at"`
	Frozen   int64      `json:"frozen"`
}

// Table is what was played at one table in the last hour.
type Table struct {
	Table  string    `json:"table"`
	Game   string    `json:"game"`
	Rounds int64     `json:"rounds"`
	Open   int64     `json:"open"`
	Stake  int64     `json:"stake"`
	Payout int64     `json:"payout"`
	Last   time.Time `json:"last"`
}

// Round is one of the latest.
type Round struct {
	ID     uuid.UUID `json:"id"`
	Game   string    `json:"game"`
	Table  string    `json:"table"`
	State  string    `json:"state"`
	Stake  int64     `json:"stake"`
	Payout int64     `json:"payout"`
	At     time.Time `json:"at"`
}

// Rollout is a version that a service answered with, from At on.
type Rollout struct {
	Service string    `json:"service"`
	Version string    `json:"version"`
	At      time.Time `json:"at"`
}

// Migration is one that was applied, or is under way without an end.
type Migration struct {
	Version  int        `json:"version"`
	Name     string     `json:"name"`
	Phase    string     `json:"phase"`
	Started  time.Time  `json:"started_at"`
	Finished *time.Time `json:"finished_at"`
}

// gather looks everything up, the services while the database answers.
func (c *Console) gather(ctx context.Context) *State {
	began := time.Now()
	s := &State{At: began.UTC(), Errors: map[string]string{}}
	var wg sync.WaitGroup
	wg.Go(func() { s.Services = c.options.Services(ctx) }) // ends with ctx
	var cards []roster.Card
	var unlisted error
	wg.Go(func() { cards, unlisted = c.options.Containers(ctx) }) // ends with ctx
	db := c.options.Database
	var hour []hourly
	for _, part := range []struct {
		name string
		read func() error
	}{
		{"server", func() error {
			start := time.Now()
			err := db.QueryRow(ctx, serverSQL).Scan(&s.Server.Connections, &s.Server.Most)
			s.Server.LatencyMS = float64(time.Since(start).Microseconds()) / 1000
			return err
		}},
		{"outbox", func() (err error) { s.Outbox, err = list[Sink](ctx, db, outboxSQL); return err }},
		{"ledger", func() error {
			return db.QueryRow(ctx, ledgerSQL).Scan(&s.Ledger.PassedAt, &s.Ledger.FullAt, &s.Ledger.Frozen, &s.Open)
		}},
		{"games", func() (err error) { hour, err = list[hourly](ctx, db, gamesSQL); return err }},
		{"tables", func() (err error) { s.Tables, err = list[Table](ctx, db, tablesSQL); return err }},
		{"rounds", func() (err error) { s.Rounds, err = list[Round](ctx, db, roundsSQL); return err }},
		{"rollouts", func() (err error) { s.Rollouts, err = list[Rollout](ctx, db, rolloutsSQL); return err }},
		{"migrations", func() (err error) { s.Migrations, err = list[Migration](ctx, db, migrationsSQL); return err }},
	} {
		c.note(ctx, s, part.name, part.read())
	}
	var counted int64
	for _, table := range s.Tables {
		counted += table.Rounds
	}
	s.Partial = counted >= mostRounds
	wg.Wait()
	c.note(ctx, s, "containers", unlisted)
	s.Containers = containers(cards)
	s.Games = games(hour, cards)
	s.Swept = c.options.Swept()
	s.TookMS = time.Since(began).Milliseconds()
	return s
}

// note keeps why a part could not be read.
func (c *Console) note(ctx context.Context, s *State, part string, err error) {
	if err != nil {
		s.Errors[part] = err.Error()
		c.options.Logger.WarnContext(ctx, "console part unreadable", "part", part, "error", err)
	}
}

// list reads rows into structs, column by column; none is [] and not null.
func list[T any](ctx context.Context, db Database, sql string) ([]T, error) {
	rows, err := db.Query(ctx, sql)
	if err != nil {
		return []T{}, fmt.Errorf("read the database: %w", err)
	}
	all, err := pgx.AppendRows([]T{}, rows, pgx.RowToStructByPos[T])
	if err != nil {
		return []T{}, fmt.Errorf("read the database: %w", err)
	}
	return all, nil
}
