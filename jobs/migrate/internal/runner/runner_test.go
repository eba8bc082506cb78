package runner

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/vegascore/vegascore/jobs/migrate/internal/record"
	"github.com/vegascore/vegascore/jobs/migrate/internal/script"
	"github.com/vegascore/vegascore/migrations"
	"github.com/vegascore/vegascore/shared/pgtest"
	"github.com/vegascore/vegascore/shared/postgres/bouncer"
)

func TestTheReleasedMigrationsApplyAndThenRest(t *testing.T) {
	t.Parallel()
	url := pgtest.Empty(t).DirectURL
	for i, want := range []int{5, 0} {
		plan, done, err := Up(context.Background(), patient(url), migrations.Files, migrations.Bootstrap, quiet)
		if err != nil || len(done) < want || i == 1 && (len(done) != 0 || plan.State != record.Current) {
			t.Fatalf("run %d: %s, applied %v, %v", i, plan.State, versions(done), err)
		}
	}
}

func TestEightRunnersApplyEachMigrationOnce(t *testing.T) {
	t.Parallel()
	for round := range 3 {
		url := pgtest.Empty(t).DirectURL
		var mu sync.Mutex
		var applied []int
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() { // until its run ends
				_, done, err := Up(context.Background(), patient(url), mixed, migrations.Bootstrap, quiet)
				if err != nil {
					t.Errorf("round %d: %v", round, err)
				}
				mu.Lock()
				defer mu.Unlock()
				applied = append(applied, versions(done)...)
			})
		}
		wg.Wait()
		if diff := cmp.Diff([]int{1, 2, 3, 4, 5}, applied); diff != "" {
			t.Errorf("round %d: %s", round, diff)
		}
		sound(t, dial(t, url))
	}
}

func TestRefusalsChangeNothing(t *testing.T) {
	t.Parallel()
	with := func(base fstest.MapFS, name, text string) fstest.MapFS {
		m := fstest.MapFS{}
		for n, f := range base {
			m[n] = f
		}
		m[name] = &fstest.MapFile{Data: []byte(text)}
		return m
	}
	two := set(on+"CREATE TABLE a ()", on+"CREATE TABLE b ()")
	for _, test := range []struct {
		name    string
		prepare string
		files   fstest.MapFS
		want    error
	}{
		{"edited", "", with(with(two, "0001_m.sql", on+"CREATE TABLE other ()"), "0003_m.sql", on+"CREATE TABLE c ()"), record.ErrRefused},
		{"a comment more", "", with(two, "0002_m.sql", on+"CREATE TABLE b () -- new"), record.ErrRefused},
		{"gap", "", with(two, "0004_m.sql", on+"CREATE TABLE c ()"), script.ErrInvalid},
		{"out of order", "INSERT INTO schema_migrations VALUES (4, 'm', 'x', 'expand', now(), now())", with(two, "0003_m.sql", on+"CREATE TABLE c ()"), record.ErrRefused},
		{"not repeatable", "", with(two, "0003_m.sql", off+"CREATE TABLE c ()"), script.ErrInvalid},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			url := pgtest.Empty(t).DirectURL
			up(t, url, two)
			conn := dial(t, url)
			if test.prepare != "" {
				execute(t, conn, test.prepare)
			}
			tables := "SELECT string_agg(relname, ',' ORDER BY relname) FROM pg_class WHERE relnamespace = 'public'::regnamespace"
			before := text(t, conn, tables)
			_, done, err := Up(context.Background(), patient(url), test.files, migrations.Bootstrap, quiet)
			if !errors.Is(err, test.want) || done != nil {
				t.Errorf("got %v, %v", versions(done), err)
			}
			if after := text(t, conn, tables); after != before {
				t.Errorf("tables were %s and are %s", before, after)
			}
		})
	}
}

func TestADatabaseAheadIsLeftAlone(t *testing.T) {
	t.Parallel()
	url := pgtest.Empty(t).DirectURL
	up(t, url, mixed)
	older := fstest.MapFS{"0001_m.sql": mixed["0001_m.sql"], "0002_m.sql": mixed["0002_m.sql"]}
	plan, done, err := Up(context.Background(), patient(url), older, migrations.Bootstrap, quiet)
	if err != nil || done != nil || plan.State != record.Ahead || plan.Version() != 5 {
		t.Errorf("got %s at %d, %v, %v", plan.State, plan.Version(), versions(done), err)
	}
}

func TestAPooledURLIsRefused(t *testing.T) {
	t.Parallel()
	database := pgtest.Empty(t)
	through := bouncer.Start(t, database.DirectURL, 2)
	for name, f := range map[string]func() error{
		"up": func() error {
			_, _, err := Up(context.Background(), patient(through), mixed, migrations.Bootstrap, quiet)
			return err
		},
		"look": func() error { _, err := Look(context.Background(), patient(through), mixed, quiet); return err },
	} {
		if err := f(); !errors.Is(err, ErrPooled) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if n := text(t, dial(t, database.DirectURL), "SELECT count(*) FROM pg_class WHERE relname = 'schema_migrations'"); n != "0" {
		t.Error("something was created")
	}
}

func TestWaitingForAnotherRunnerEnds(t *testing.T) {
	t.Parallel()
	url := pgtest.Empty(t).DirectURL
	other := dial(t, url)
	if _, err := other.Exec(context.Background(), "SELECT pg_advisory_lock($1)", lockKey); err != nil {
		t.Fatal(err)
	}
	c := patient(url)
	c.LockWait = 500 * time.Millisecond
	began := time.Now()
	_, _, err := Up(context.Background(), c, mixed, migrations.Bootstrap, quiet)
	if !errors.Is(err, ErrLockWait) || time.Since(began) > 5*time.Second {
		t.Errorf("got %v after %s", err, time.Since(began))
	}
	execute(t, other, "SELECT pg_advisory_unlock_all()")
	up(t, url, mixed)
}

func TestAFailedMigrationLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	url := pgtest.Empty(t).DirectURL
	bad := set(on+"CREATE TABLE a ()", on+"CREATE TABLE b (); SELECT 1/0")
	_, done, err := Up(context.Background(), patient(url), bad, migrations.Bootstrap, quiet)
	var pg *pgconn.PgError
	if !errors.As(err, &pg) || pg.Code != "22012" || len(done) != 1 {
		t.Fatalf("got %v, %v", versions(done), err)
	}
	if n := text(t, dial(t, url), "SELECT count(*) FROM pg_class WHERE relname = 'b'"); n != "0" {
		t.Error("half a migration stayed")
	}
	// It was not released, so it may be mended.
	if got := up(t, url, set(on+"CREATE TABLE a ()", on+"CREATE TABLE b ()")); len(got) != 1 {
		t.Errorf("applied %v", got)
	}
}

func TestSettingsEndWithTheirMigration(t *testing.T) {
	t.Parallel()
	url := pgtest.Empty(t).DirectURL
	up(t, url, set(
		on+"CREATE SCHEMA elsewhere; SET search_path = elsewhere, public; SET statement_timeout = 1; RESET statement_timeout; CREATE TABLE a ()",
		on+"CREATE TABLE b ()",
	))
	if got := text(t, dial(t, url), "SELECT string_agg(relnamespace::regnamespace || '.' || relname, ',' ORDER BY relname) FROM pg_class WHERE relname IN ('a', 'b')"); got != "elsewhere.a,public.b" {
		t.Errorf("got %s", got)
	}
}
