package runner

import (
	"context"
	"errors"
	"io/fs"
	"testing"
	"time"

	"github.com/vegascore/vegascore/jobs/migrate/internal/record"
	"github.com/vegascore/vegascore/jobs/migrate/internal/script"
	"github.com/vegascore/vegascore/migrations"
	"github.com/vegascore/vegascore/shared/pgtest"
)

// upAs runs a binary of a commit.
func upAs(commit string, c Config, files fs.FS) (record.Plan, []Done, error) {
	c.commit = commit
	return Up(context.Background(), c, files, migrations.Bootstrap, quiet)
}

func TestAContractMigrationWaitsUntilOldCodeIsGone(t *testing.T) {
	t.Parallel()
	const contract = "-- phase: contract\n-- tx: on\n-- code: 0001\n"
	first := set(on + "CREATE TABLE a (old int, new int)")
	second := set(on+"CREATE TABLE a (old int, new int)", on+"CREATE TABLE b ()", contract+"ALTER TABLE a DROP COLUMN old")
	for _, test := range []struct {
		name string
		gate Gate
		want error
		// migrated is how long ago the migration was applied on which the present
		// release rests.
		migrated string
	}{
		{"by hand", Gate{}, nil, "1s"},
		{"no release before", Gate{Commit: "c"}, ErrContract, "2h"},
		{"an hour ago all but a minute", Gate{Commit: "c", OldGone: time.Now().Add(-time.Hour + time.Minute)}, ErrContract, "2h"},
		{"more than an hour ago", Gate{Commit: "c", OldGone: time.Now().Add(-time.Hour - time.Second)}, nil, "2h"},
		{"the present release is older than the code that does without", Gate{Commit: "c", OldGone: time.Now().Add(-3 * time.Hour)}, ErrContract, "2h"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			url := pgtest.Empty(t).DirectURL
			up(t, url, first)
			c := patient(url)
			c.Gate = test.gate
			conn := dial(t, url)
			execute(t, conn, "UPDATE schema_migrations SET finished_at = now() - interval '"+test.migrated+"'")
			_, done, err := upAs(test.gate.Commit, c, second)
			if !errors.Is(err, test.want) {
				t.Fatalf("got %v, want %v", err, test.want)
			}
			want := "old,new"
			if test.want == nil {
				want = "new"
			} else if done != nil {
				t.Errorf("applied %v", versions(done))
			}
			if got := text(t, conn, "SELECT string_agg(column_name, ',' ORDER BY ordinal_position) FROM information_schema.columns WHERE table_name = 'a'"); got != want {
				t.Errorf("columns %s, want %s", got, want)
			}
		})
	}
	fresh := patient(pgtest.Empty(t).DirectURL)
	fresh.Gate = Gate{Commit: "c"}
	if _, done, err := upAs("c", fresh, second); err != nil || len(done) != 3 {
		t.Errorf("a new database: %v, %v", versions(done), err)
	}
}

func TestAContractMigrationWaitsToTheSecond(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	before := now.Add(-24 * time.Hour)
	plan := record.Plan{
		Applied: []record.Row{{Version: 1, Finished: &before}},
		Pending: []script.Script{{Version: 2, Phase: script.Contract, Code: 1}},
	}
	for seconds, want := range map[int]error{-10: ErrContract, 0: ErrContract, 3599: ErrContract, 3600: nil, 3601: nil} {
		g := Gate{Commit: "c", OldGone: now.Add(-time.Duration(seconds) * time.Second)}
		if err := g.admits(plan, now); !errors.Is(err, want) {
			t.Errorf("old code gone for %d s: got %v, want %v", seconds, err, want)
		}
	}
}

// A release whose code still uses what was removed finds that out before it is rolled
// out, and changes nothing.
func TestCodeThatTheSchemaDoesNotServeIsRefused(t *testing.T) {
	t.Parallel()
	url := pgtest.Empty(t).DirectURL
	scripts := []string{
		on + "CREATE TABLE a (old int, new int)", on + "CREATE TABLE b ()",
		"-- phase: contract\n-- tx: on\n-- code: 0002\nALTER TABLE a DROP COLUMN old",
		"-- phase: contract\n-- tx: off\n-- code: 0001\nDROP INDEX CONCURRENTLY IF EXISTS i",
	}
	up(t, url, set(scripts...))
	conn := dial(t, url)
	const least = "SELECT min_code_version FROM schema_compatibility"
	if got := text(t, conn, least); got != "2" {
		t.Errorf("min_code_version is %s, want 2", got)
	}
	plan, done, err := Up(context.Background(), patient(url), set(scripts[:2]...), migrations.Bootstrap, quiet)
	if err != nil || done != nil || plan.State != record.Ahead || plan.MinCode != 2 {
		t.Errorf("code that does without: %+v, %v, %v", plan, versions(done), err)
	}
	if _, _, err := Up(context.Background(), patient(url), set(scripts[:1]...), migrations.Bootstrap, quiet); !errors.Is(err, record.ErrRefused) {
		t.Errorf("code that uses it: %v", err)
	}
	if _, err := Look(context.Background(), patient(url), set(scripts[:1]...), quiet); !errors.Is(err, record.ErrRefused) {
		t.Errorf("its status: %v", err)
	}
}

func TestABinaryOfAnotherCommitIsRefused(t *testing.T) {
	t.Parallel()
	c := patient(pgtest.Empty(t).DirectURL)
	c.Gate = Gate{Commit: "new"}
	if _, _, err := upAs("old", c, set(on+"CREATE TABLE a ()")); !errors.Is(err, ErrCommit) {
		t.Errorf("got %v", err)
	}
	if got := text(t, dial(t, c.URL), "SELECT count(*)::text FROM pg_class WHERE relname IN ('a', 'schema_migrations')"); got != "0" {
		t.Errorf("%s tables were made", got)
	}
}
