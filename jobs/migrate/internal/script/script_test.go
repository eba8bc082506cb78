package script

import (
	"errors"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/vegascore/vegascore/migrations"
)

const (
	on   = "-- phase: expand\n-- tx: on\n"
	off  = "-- phase: expand\n-- tx: off\n"
	data = "-- phase: data\n-- tx: off\n"
)

func files(pairs ...string) fstest.MapFS {
	m := fstest.MapFS{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = &fstest.MapFile{Data: []byte(pairs[i+1])}
	}
	return m
}

func TestTheReleasedMigrationsLoad(t *testing.T) {
	t.Parallel()
	all, err := Load(migrations.Files)
	if err != nil {
		t.Fatal(err)
	}
	first := all[0]
	if first.Version != 1 || first.Name != "roles" || first.Phase != Expand || !first.Tx || len(first.SHA256) != 64 {
		t.Errorf("got %+v", first)
	}
}

func TestHeadersAreRead(t *testing.T) {
	t.Parallel()
	all, err := Load(files(
		"0001_a.sql", on+"CREATE TABLE a ();",
		"0002_b_c.sql", off+"-- why\nCREATE INDEX CONCURRENTLY i ON a (b);\nANALYZE a;",
		"0003_d.sql", "-- phase: contract\n-- tx: on\n-- code: 0002\nDROP TABLE a",
		"0004_e.sql", data+"UPDATE a SET b = 1 WHERE b IS NULL",
		"readme.md", "not a migration",
	))
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != 4 || all[1].Name != "b_c" || all[1].Tx || len(all[1].Statements) != 2 || all[2].Phase != Contract || all[2].Code != 2 || all[1].Code != 0 || all[3].Phase != Data {
		t.Errorf("got %+v", all)
	}
}

func TestMalformedMigrationsAreRefused(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		files fstest.MapFS
		want  string
	}{
		"none":               {files(), "there are none"},
		"gap":                {files("0001_a.sql", on+"SELECT 1", "0003_b.sql", on+"SELECT 1"), "number 0002 comes next"},
		"twice":              {files("0001_a.sql", on+"SELECT 1", "0001_b.sql", on+"SELECT 1"), "number 0002 comes next"},
		"from two":           {files("0002_a.sql", on+"SELECT 1"), "number 0001 comes next"},
		"misnamed":           {files("1_a.sql", on+"SELECT 1"), "NNNN_name.sql"},
		"no number":          {files("0001_a.sql", on+"SELECT 1", "fix.sql", on+"SELECT 1"), "NNNN_name.sql"},
		"upper case":         {files("0001_A.sql", on+"SELECT 1"), "NNNN_name.sql"},
		"no header":          {files("0001_a.sql", "SELECT 1"), "-- phase"},
		"unknown phase":      {files("0001_a.sql", "-- phase: later\n-- tx: on\nSELECT 1"), "-- phase"},
		"half a header":      {files("0001_a.sql", "-- phase: expand\nSELECT 1"), "-- tx"},
		"empty":              {files("0001_a.sql", on+"-- nothing\n"), "no statement"},
		"own transaction":    {files("0001_a.sql", on+"SELECT 1; COMMIT; SELECT 2"), "begins and ends"},
		"not repeatable":     {files("0001_a.sql", off+"CREATE TABLE a ()"), "not be safe"},
		"rows in expand":     {files("0001_a.sql", off+"UPDATE a SET b = 1"), "not be safe"},
		"nameless index":     {files("0001_a.sql", off+"CREATE INDEX CONCURRENTLY ON a (b)"), "needs a name"},
		"drop without if":    {files("0001_a.sql", off+"DROP INDEX CONCURRENTLY i"), "not be safe"},
		"index, blocking":    {files("0001_a.sql", off+"CREATE INDEX i ON a (b)"), "not be safe"},
		"contract, no code":  {files("0001_a.sql", on+"SELECT 1", "0002_b.sql", "-- phase: contract\n-- tx: on\nSELECT 1"), "third line"},
		"code in expand":     {files("0001_a.sql", on+"-- code: 0001\nSELECT 1"), "third line"},
		"code of its own":    {files("0001_a.sql", on+"SELECT 1", "0002_b.sql", "-- phase: contract\n-- tx: on\n-- code: 0002\nSELECT 1"), "a release before"},
		"code of none":       {files("0001_a.sql", "-- phase: contract\n-- tx: on\n-- code: 0000\nSELECT 1"), "a release before"},
		"Windows line break": {files("0001_a.sql", "-- phase: expand\r\n-- tx: on\r\nSELECT 1"), "-- phase"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Load(test.files)
			if !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want it to say %q", err, test.want)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add("0001_a.sql", on+"SELECT 1;")
	f.Add("0002_b.sql", off+"CREATE INDEX CONCURRENTLY i ON a (b);")
	f.Add("0003_b.sql", data+"UPDATE a SET b = 'c;")
	f.Fuzz(func(t *testing.T, name, text string) {
		s, err := parse(name, text)
		if err == nil && (s.SQL != text || s.Name == "" || !s.Tx && len(s.Statements) == 0) {
			t.Errorf("got %+v", s)
		}
	})
}
