package seeds

import (
	"errors"
	"log/slog"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"

	"github.com/vegascore/vegascore/shared/fair"
	"github.com/vegascore/vegascore/shared/ledger"
	"github.com/vegascore/vegascore/shared/money"
	"github.com/vegascore/vegascore/shared/pgtest"
	"github.com/vegascore/vegascore/shared/postgres"
	"github.com/vegascore/vegascore/shared/problem"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// open returns a database with one player.
func open(t *testing.T) (*postgres.DB, uuid.UUID) {
	t.Helper()
	db, err := postgres.Open(t.Context(), postgres.Config{URL: pgtest.New(t).URL, MaxConns: 12}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	player := uuid.Must(uuid.NewV7())
	err = db.InTx(t.Context(), func(tx pgx.Tx) error {
		if _, err := tx.Exec(t.Context(), `INSERT INTO players (id, name) VALUES ($1, 'Ada')`, player); err != nil {
			return err
		}
		if err := ledger.Open(t.Context(), tx, uuid.Must(uuid.NewV7()), player, money.Play); err != nil {
			return err
		}
		return Start(t.Context(), tx, player)
	})
	if err != nil {
		t.Fatal(err)
	}
	return db, player
}

func TestRotationRevealsWhatWasPromised(t *testing.T) {
	t.Parallel()
	db, player := open(t)
	first, err := Current(t.Context(), db, player)
	if err != nil || first.Nonce != 0 || !fair.ValidClientSeed(first.ClientSeed) || first.ServerSeedHash == first.NextServerSeedHash {
		t.Fatalf("pair = %+v, %v", first, err)
	}
	second, old, err := Rotate(t.Context(), db, player, "mine")
	if err != nil {
		t.Fatal(err)
	}
	if old.ServerSeedHash != first.ServerSeedHash || fair.Hash(old.ServerSeed) != first.ServerSeedHash || old.ClientSeed != first.ClientSeed {
		t.Errorf("revealed %+v after %+v", old, first)
	}
	if second.ServerSeedHash != first.NextServerSeedHash || second.ClientSeed != "mine" || second.Nonce != 0 || second.NextServerSeedHash == first.NextServerSeedHash {
		t.Errorf("pair = %+v after %+v; want the promised hash", second, first)
	}
	third, old, err := Rotate(t.Context(), db, player, "mine-2")
	if err != nil || fair.Hash(old.ServerSeed) != second.ServerSeedHash || third.ServerSeedHash != second.NextServerSeedHash {
		t.Errorf("pair = %+v, revealed %+v, %v", third, old, err)
	}
}

func TestRotationsAtOnceFormOneChain(t *testing.T) {
	t.Parallel()
	db, player := open(t)
	var wg sync.WaitGroup
	var mu sync.Mutex
	next := map[string]string{} // hash of a pair to the hash of the one after it
	revealed := map[string]bool{}
	for range 12 {
		wg.Go(func() {
			pair, old, err := Rotate(t.Context(), db, player, "mine")
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			next[old.ServerSeedHash], revealed[old.ServerSeed] = pair.ServerSeedHash, true
		})
	}
	wg.Wait()
	if len(revealed) != 12 || len(next) != 12 {
		t.Errorf("%d seeds revealed in %d rotations; want 12 each", len(revealed), len(next))
	}
	last, err := Current(t.Context(), db, player)
	if err != nil {
		t.Fatal(err)
	}
	if _, used := next[last.ServerSeedHash]; used {
		t.Error("the active seed is revealed")
	}
}

func TestWhoAndWhatIsRefused(t *testing.T) {
	t.Parallel()
	db, player := open(t)
	for _, seed := range []string{"", "a:b", "a b", "\x00"} {
		if _, _, err := Rotate(t.Context(), db, player, seed); !errors.Is(err, problem.New(0, problem.SeedInvalid, "")) {
			t.Errorf("client seed %q: %v", seed, err)
		}
	}
	stranger := uuid.Must(uuid.NewV7())
	if _, _, err := Rotate(t.Context(), db, stranger, "mine"); !errors.Is(err, ErrNoPair) {
		t.Errorf("stranger: %v; want ErrNoPair", err)
	}
	if _, err := Current(t.Context(), db, stranger); !errors.Is(err, ErrNoPair) {
		t.Errorf("stranger: %v; want ErrNoPair", err)
	}
}
