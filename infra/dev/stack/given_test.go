package stack

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vegascore/vegascore/shared/broadcast"
	"github.com/vegascore/vegascore/shared/pgtest"
	"github.com/vegascore/vegascore/shared/redistest"
)

func TestServersThatAreGivenAreUsedAndLeftAlone(t *testing.T) {
	t.Parallel()
	db, redis, dir := pgtest.Empty(t), redistest.New(t), t.TempDir()
	s := up(t, Options{Dir: dir, DatabaseURL: db.DirectURL, RedisURL: redis, Reset: true})
	if s.Postgres() != nil || s.Redis() != nil || s.DatabaseURL() != db.DirectURL || s.DirectURL() != db.DirectURL || s.RedisURL() != redis {
		t.Errorf("own servers: %v %v, at %s and %s", s.Postgres(), s.Redis(), s.DatabaseURL(), s.RedisURL())
	}
	if got := env(t, s.Service("actions")); got["DATABASE_URL"] != db.DirectURL || got["REDIS_URL"] != redis {
		t.Errorf("actions got %s and %s", got["DATABASE_URL"], got["REDIS_URL"])
	}
	for _, name := range []string{"pg", "redis"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			t.Errorf("there is a folder %s", name)
		}
	}
	down(t, s)
	if got := runs(t, db.DirectURL); got != 1 {
		t.Errorf("the migration job ran %d times there, want 1", got)
	}
}

func TestTheShardedWireNeedsARealRedis(t *testing.T) {
	t.Parallel()
	_, err := Start(t.Context(), Options{Bin: fakes(t), NoSync: true, Redis: RedisEmbedded, Adapter: broadcast.Static, Progress: t.Output(), Logs: t.Output()})
	if err == nil || !strings.Contains(err.Error(), "ADAPTER=static needs a redis-server") {
		t.Errorf("got %v", err)
	}
}
