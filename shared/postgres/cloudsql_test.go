package postgres

import (
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
)

// The forms of DATABASE_URL that infra/decisions/database.md names for Cloud SQL.
func TestAddressesOfCloudSQLAreUnderstood(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, in, host, user, database string
		port                           uint16
		mode                           Mode
		tls                            bool
	}{
		{"private address", "postgres://vegas_service:x@10.0.0.3:5432/vegas?sslmode=require", "10.0.0.3", "vegas_service", "vegas", 5432, ModeAuto, true},
		{"socket of Cloud Run", "postgres://vegas_service:x@/vegas?host=/cloudsql/project:europe-west1:main", "/cloudsql/project:europe-west1:main", "vegas_service", "vegas", 5432, ModeAuto, false},
		{"proxy beside the service, IAM login", "postgres://actions%40project.iam@127.0.0.1:5432/vegas?sslmode=disable", "127.0.0.1", "actions@project.iam", "vegas", 5432, ModeAuto, false},
		{"pooler", "postgres://vegas_service:x@10.0.0.3:6432/vegas?pgbouncer=true&connection_limit=1&sslmode=require", "10.0.0.3", "vegas_service", "vegas", 6432, ModeExec, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c, err := Config{URL: test.in}.withDefaults()
			if err != nil {
				t.Fatal(err)
			}
			parsed, err := pgxpool.ParseConfig(c.URL)
			if err != nil {
				t.Fatal(err)
			}
			got := parsed.ConnConfig
			if got.Host != test.host || got.User != test.user || got.Database != test.database || got.Port != test.port || c.Mode != test.mode || (got.TLSConfig != nil) != test.tls {
				t.Errorf("got %s@%s:%d/%s, mode %s, TLS %t", got.User, got.Host, got.Port, got.Database, c.Mode, got.TLSConfig != nil)
			}
		})
	}
}
