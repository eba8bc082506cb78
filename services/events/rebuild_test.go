package main

import (
	"errors"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/vegascore/vegascore/shared/pgtest"
)

// rebuilt runs the command to its end.
func rebuilt(t *testing.T, env ...string) (out string, err error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "rebuild")
	cmd.Env = append([]string{childVariable + "=1"}, env...)
	text, err := cmd.Output()
	return string(text), err
}

func TestTheBoardsAreRebuiltBesideTheService(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	s, p := start(t, db.URL)
	pool := db.Pool(t)
	player, at := uuid.New(), time.Now().UTC()
	fact := settled(t, player, "Ada", 100, 250, at)
	// The round of another fact, which has not come yet.
	_, err := pool.Exec(t.Context(), `
		WITH known AS (INSERT INTO players (id, name) VALUES ($2, 'Ada'))
		INSERT INTO rounds (id, player_id, key, request_hash, game, table_id, rules, state, asset, stake, payout, seed_id, nonce, params, answer, settled_at)
		VALUES ($1, $2, 'k', sha256(''), 'dice', 'dice-1', 'dice/1', 'settled', 'PLAY', 40, 60, gen_random_uuid(), 0, '{}', '', $3)`,
		uuid.New(), player, at)
	if err != nil {
		t.Fatal(err)
	}
	if status, code := s.post(p.url+"/push/leaderboard", s.token(nil), fact); status != http.StatusNoContent {
		t.Fatalf("delivery = %d %s", status, code)
	}
	// The fact has no round: what it has left goes, as in a database that was restored.
	out, err := rebuilt(t, "DATABASE_URL="+db.URL)
	if err != nil || out != `{"players":1,"rounds":1,"batches":1,"removed":0}`+"\n" {
		t.Errorf("rebuild: %q, %v", out, err)
	}
	var rounds, staked int64
	err = pool.QueryRow(t.Context(), `SELECT sum(rounds), sum(staked) FROM leaderboard_weekly`).Scan(&rounds, &staked)
	if err != nil || rounds != 1 || staked != 40 {
		t.Errorf("%d rounds, staked %d, %v; want the one that is in the table", rounds, staked, err)
	}
}

func TestAWrongCommandIsRefused(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ env, want string }{
		{"REBUILD_BATCH=0", "REBUILD_BATCH"},
		{"DATABASE_URL=", "DATABASE_URL"},
		{"DATABASE_URL=" + pgtest.Empty(t).URL, "schema"},
	} {
		_, err := rebuilt(t, test.env)
		var exit *exec.ExitError
		if !errors.As(err, &exit) || !strings.Contains(string(exit.Stderr), test.want) {
			t.Errorf("%s: %v; want it to name %s", test.env, err, test.want)
		}
	}
}
