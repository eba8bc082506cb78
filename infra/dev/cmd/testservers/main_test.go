package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestTheCommandGetsAServerThatEndsWithIt(t *testing.T) {
	t.Setenv(variable, "")
	file := filepath.Join(t.TempDir(), "address")
	// The command checks that something listens while it runs.
	code, err := run(t.Context(), []string{"bash", "-c", `echo "$TEST_DATABASE_URL" >"$1"
		hostport=${TEST_DATABASE_URL#*@}; port=${hostport#*:}; exec 3<>"/dev/tcp/127.0.0.1/${port%%/*}"; exit 7`, "bash", file})
	if code != 7 || err != nil {
		t.Fatalf("got %d, %v; want the command's exit code 7", code, err)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	address := strings.TrimSpace(string(b))
	if conn, err := pgx.Connect(t.Context(), address); err == nil {
		_ = conn.Close(t.Context())
		t.Errorf("the server at %s is still there", address)
	}
}

func TestAServerThatIsGivenIsUsed(t *testing.T) {
	t.Setenv(variable, "postgres://given")
	code, err := run(t.Context(), []string{"sh", "-c", `test "$TEST_DATABASE_URL" = postgres://given`})
	if code != 0 || err != nil {
		t.Errorf("got %d, %v", code, err)
	}
}

func TestACommandThatIsMissingIsAnError(t *testing.T) {
	t.Setenv(variable, "postgres://given")
	for _, args := range [][]string{nil, {"/nowhere/command"}} {
		if _, err := run(t.Context(), args); err == nil {
			t.Errorf("%q: no error", args)
		}
	}
}
