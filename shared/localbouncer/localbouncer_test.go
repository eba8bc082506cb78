package localbouncer

import (
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"

	"github.com/vegascore/vegascore/shared/pgtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestQueriesGetThroughUntilTheStop(t *testing.T) {
	t.Parallel()
	s, err := Start(t.Context(), t.TempDir(), pgtest.Empty(t).DirectURL, 2)
	if err != nil {
		t.Fatal(err)
	}
	config, err := pgx.ParseConfig(s.URL())
	if err != nil {
		t.Fatal(err)
	}
	config.DefaultQueryExecMode = pgx.QueryExecModeExec
	config.ConnectTimeout = 5 * time.Second
	conn, err := pgx.ConnectConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	var pid uint32
	if err := conn.QueryRow(t.Context(), "SELECT pg_backend_pid()").Scan(&pid); err != nil || pid == conn.PgConn().PID() {
		t.Errorf("process %d, %v; want another one than the pooler says", pid, err)
	}
	if err := s.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	if err := ask(t.Context(), s.URL()); err == nil {
		t.Error("a query got through after the stop")
	}
}

func TestADatabaseThatIsAwayIsAnError(t *testing.T) {
	t.Parallel()
	if _, err := Start(t.Context(), t.TempDir(), ":%", 1); err == nil || !strings.Contains(err.Error(), "connection URL") {
		t.Errorf("error = %v; want that it is no URL", err)
	}
}
