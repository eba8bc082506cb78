package postgres

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/caarlos0/env/v11"
)

func TestForeignURLParametersAreUnderstood(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, in, out string
		mode, want    Mode
	}{
		{"plain", "postgres://u:p@h:5432/db", "postgres://u:p@h:5432/db", "", ModeAuto},
		{"pooler", "postgresql://h:6543/db?pgbouncer=true", "postgresql://h:6543/db", "", ModeExec},
		{"one connection", "postgres://h/db?connection_limit=1&sslmode=require", "postgres://h/db?sslmode=require", "", ModeAuto},
		{"pooler, direct by hand", "postgres://h/db?pgbouncer=true", "postgres://h/db", ModeDirect, ModeDirect},
		{"schema", "postgres://h/db?schema=casino", "postgres://h/db?search_path=casino", "", ModeAuto},
		{"keywords", "host=h dbname=db", "host=h dbname=db", "", ModeAuto},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := Config{URL: test.in, Mode: test.mode}.withDefaults()
			if err != nil || got.URL != test.out || got.Mode != test.want {
				t.Errorf("got %q %q %v, want %q %q", got.URL, got.Mode, err, test.out, test.want)
			}
		})
	}
}

func TestConfigRefusesNonsense(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]Config{
		"DATABASE_URL":       {},
		"MAX_DB_CONNECTIONS": {URL: "postgres://h/db", MaxConns: -1},
		"DB_LOCK_TIMEOUT":    {URL: "postgres://h/db", LockTimeout: -time.Second},
		"DB_QUERY_MODE":      {URL: "postgres://h/db", Mode: "fast"},
		"parameters":         {URL: "postgres://u:secret@h/db?a=%zz"},
	} {
		_, err := c.withDefaults()
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: got %v", name, err)
		} else if strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: the error holds the password: %v", name, err)
		}
	}
}

func TestConfigComesFromTheEnvironment(t *testing.T) {
	t.Parallel()
	got, err := env.ParseAsWithOptions[Config](env.Options{Environment: map[string]string{
		"DATABASE_URL": "postgres://u:secret@h/db", "MEMORY_MB": "256", "UV_THREADPOOL_SIZE": "4",
		"DB_STATEMENT_TIMEOUT": "3s", "DB_QUERY_MODE": "exec",
	}})
	if err != nil {
		t.Fatal(err)
	}
	if got, err = got.withDefaults(); err != nil {
		t.Fatal(err)
	}
	if got.MemoryMB != 256 || got.Threads != 4 || got.StatementTimeout != 3*time.Second || got.Mode != ModeExec {
		t.Errorf("got %+v", got)
	}
	text, err := json.Marshal(got)
	if err != nil || strings.Contains(string(text), "secret") {
		t.Errorf("the config is marshalled as %s, %v", text, err)
	}
}
