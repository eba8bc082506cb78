package runner

import (
	"context"
	"errors"
	"io/fs"
	"testing"
	"time"

	"github.com/vegascore/vegascore/jobs/migrate/internal/record"
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
	const contract = "-- phase: contract\n-- tx: on\n"
	first := set(on + "CREATE TABLE a (old int, new int)")
	second := set(on+"CREATE TABLE a (old int, new int)", on+"CREATE TABLE b ()", contract+"ALTER TABLE a DROP COLUMN old")
	for _, test := range []struct {
		name string
		gate Gate
		want error
	}{
		{"by hand", Gate{}, nil},
		{"no release before", Gate{Commit: "c"}, ErrContract},
		{"an hour ago all but a second", Gate{Commit: "c", OldGone: time.Now().Add(-time.Hour + time.Minute)}, ErrContract},
		{"more than an hour ago", Gate{Commit: "c", OldGone: time.Now().Add(-time.Hour - time.Second)}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			url := pgtest.Empty(t).DirectURL
			up(t, url, first)
			c := patient(url)
			c.Gate = test.gate
			conn := dial(t, url)
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
