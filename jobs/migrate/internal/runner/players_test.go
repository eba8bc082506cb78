package runner

import (
	"context"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/vegascore/vegascore/migrations"
	"github.com/vegascore/vegascore/shared/pgtest"
)

const (
	players = 8
	// pause of a player between two queries: together about 400 queries a second.
	pause = 20 * time.Millisecond
	// long is the transaction that stands in the migration's way. Without a lock
	// timeout the players wait as long as it lasts.
	long = 3 * time.Second
	// goal is the worst query that players may see.
	goal = 100 * time.Millisecond
)

// TestPlayersHardlyNoticeADDLThatWaits lets a migration want a table that a long
// transaction reads, while players go on reading and writing it. What a player waits is
// bounded by the lock timeout, not by the transaction: on a busy machine the test wants
// two thirds of that, with VEGAS_SOAK the goal itself.
func TestPlayersHardlyNoticeADDLThatWaits(t *testing.T) {
	t.Parallel()
	url := pgtest.Empty(t).DirectURL
	files := set(on + "CREATE TABLE rounds (id int PRIMARY KEY, n int); INSERT INTO rounds SELECT i, 0 FROM generate_series(1, 100) i")
	up(t, url, files)
	files["0002_m.sql"] = set(on + "ALTER TABLE rounds ADD COLUMN note text")["0001_m.sql"]
	reader := dial(t, url)
	execute(t, reader, "BEGIN; SELECT count(*) FROM rounds")

	var mu sync.Mutex
	var worst time.Duration
	queries, over := 0, 0
	ctx, stop := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	for i := range players {
		conn := dial(t, url)
		wg.Go(func() { // until stop
			tick := time.NewTicker(pause)
			defer tick.Stop()
			for n := 0; ctx.Err() == nil; n++ {
				sql := "SELECT n FROM rounds WHERE id = $1"
				if n%4 == 0 {
					sql = "UPDATE rounds SET n = n + 1 WHERE id = $1"
				}
				began := time.Now()
				if _, err := conn.Exec(context.Background(), sql, i+1); err != nil {
					t.Errorf("%s: %v", sql, err)
					return
				}
				mu.Lock()
				took := time.Since(began)
				worst, queries = max(worst, took), queries+1
				if took > goal {
					over++
				}
				mu.Unlock()
				select {
				case <-tick.C:
				case <-ctx.Done():
				}
			}
		})
	}
	type result struct {
		done []Done
		err  error
	}
	ended := make(chan result, 1)
	go func() { // until the run ends
		_, done, err := Up(context.Background(), patient(url), files, migrations.Bootstrap, quiet)
		ended <- result{done, err}
	}()
	select {
	case r := <-ended:
		t.Errorf("the migration did not wait: %v", r.err)
		ended <- r
	case <-time.After(long):
	}
	execute(t, reader, "COMMIT")
	r := <-ended
	stop()
	wg.Wait()
	if r.err != nil || len(r.done) != 1 || r.done[0].Retries == 0 {
		t.Fatalf("got %+v", r)
	}
	t.Logf("%d queries, the worst %s, %d over %s; the migration took %s and %d retries",
		queries, worst.Round(100*time.Microsecond), over, goal, r.done[0].Took.Round(time.Millisecond), r.done[0].Retries)
	most := long * 2 / 3
	if os.Getenv("VEGAS_SOAK") != "" {
		most = goal
	}
	if worst > most {
		t.Errorf("the worst query took %s, want at most %s", worst, most)
	}
}
