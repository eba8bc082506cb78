package statement

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func texts(all []Statement) []string {
	var list []string
	for _, s := range all {
		list = append(list, s.Text)
	}
	return list
}

func TestSplitEndsStatementsWhereTheServerDoes(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, sql string
		want      []string
	}{
		{"empty", " \n-- only a comment\n/* and /* another */ */;;", nil},
		{"two", "SELECT 1; SELECT 2", []string{"SELECT 1", "SELECT 2"}},
		{"strings", `SELECT 'a;''b;', E'c\';d', "e;""f"; SELECT 2;`, []string{`SELECT 'a;''b;', E'c\';d', "e;""f"`, "SELECT 2"}},
		{"plain strings keep backslashes", `SELECT 'a\'; SELECT 2`, []string{`SELECT 'a\'`, "SELECT 2"}},
		{"dollars", "DO $$ BEGIN; END $$; DO $a$ $$;$$ ; $a$; SELECT $1;", []string{"DO $$ BEGIN; END $$", "DO $a$ $$;$$ ; $a$", "SELECT $1"}},
		{"comments inside", "SELECT 1 -- a;b\n, 2 /* c;d */; SELECT 3", []string{"SELECT 1 -- a;b\n, 2 /* c;d */", "SELECT 3"}},
		{"atomic body", "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 2; END; SELECT 3",
			[]string{"CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 2; END", "SELECT 3"}},
		{"open string", "SELECT 'a; b", []string{"SELECT 'a; b"}},
		{"dollar in a name", "SELECT a$b$c; SELECT 2", []string{"SELECT a$b$c", "SELECT 2"}},
		{"beyond ASCII", "SELECT 'ä;☃'; SELECT ä", []string{"SELECT 'ä;☃'", "SELECT ä"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(test.want, texts(Split(test.sql))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestConcurrentIndexIsFound(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		sql  string
		want Index
		ok   bool
	}{
		{"create index concurrently Rounds_Day on rounds (day)", Index{"rounds_day", "rounds"}, true},
		{"CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS i ON ONLY casino.Rounds USING btree (a)", Index{"i", "casino.rounds"}, true},
		{`CREATE INDEX CONCURRENTLY "My ""Index" ON "Casino"."Rounds" (a)`, Index{`My "Index`, `"Casino"."Rounds"`}, true},
		{"CREATE INDEX /* why */ CONCURRENTLY ON rounds (a)", Index{"", "rounds"}, true},
		{"CREATE INDEX i ON rounds (a)", Index{}, false},
		{"DROP INDEX CONCURRENTLY i", Index{}, false},
	} {
		got, ok := Split(test.sql)[0].ConcurrentIndex()
		if got != test.want || ok != test.ok {
			t.Errorf("%s: got %+v %t, want %+v %t", test.sql, got, ok, test.want, test.ok)
		}
	}
}

// FuzzSplit checks that no text is lost but semicolons, white space and comments
// between statements, and that what was split stays split.
func FuzzSplit(f *testing.F) {
	for _, seed := range []string{"SELECT 1; SELECT '2;'", "DO $$;$$", "/* /* */ */ a;b", "E'\\';'", "CREATE FUNCTION f() BEGIN ATOMIC ;END;", "\"a;", "$a", "--", "/*"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, sql string) {
		rest := sql
		for _, s := range Split(sql) {
			at := strings.Index(rest, s.Text)
			if at < 0 || s.Text == "" {
				t.Fatalf("%q is not a statement of %q", s.Text, sql)
			}
			rest = rest[at+len(s.Text):]
			if again := Split(s.Text); len(again) != 1 || again[0].Text != s.Text {
				t.Fatalf("%q is split into %q", s.Text, texts(again))
			}
			s.ConcurrentIndex()
		}
	})
}
