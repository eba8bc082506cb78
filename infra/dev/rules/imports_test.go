package rules

import (
	"slices"
	"strings"
	"testing"
)

// A fence keeps what lies under From from importing, directly or through
// others, anything under Never.
type fence struct {
	From  string
	Never []string
	Why   string
}

var fences = []fence{
	{"services/realtime", []string{"github.com/jackc/pgx/v5", "cloud.google.com/go/pubsub/v2"}, "a socket container holds no database driver and no Pub/Sub client"},
	{"services/realtime/engineio", []string{"services/realtime/socketio", "services/realtime/cluster", "services/realtime/internal", "shared"}, "Engine.IO knows nothing above it"},
	{"services/realtime/socketio", []string{"services/realtime/cluster", "services/realtime/internal", "shared"}, "the Socket.IO library knows no casino and no Redis"},
	{"services/realtime/cluster", []string{"services/realtime/internal"}, "the cluster knows no casino"},
	{"services", []string{"migrations"}, "no service links migration code: only jobs/migrate applies it"},
	{"shared/health", []string{"github.com/jackc/pgx/v5", "github.com/redis/go-redis/v9"}, "health takes functions and imports no driver"},
	{"shared/money", []string{"shared/problem", "shared/fair", "shared/event", "shared/ledger"}, "money is the bottom"},
	{"shared/fair", []string{"shared/money", "shared/problem", "shared/event", "shared/ledger", "shared/postgres"}, "fair is the bottom"},
	{"shared/problem", []string{"net"}, "refusals also travel over sockets and in a player's check of a round"},
	{"shared/strictjson", []string{"net", "shared/web"}, "the check of a round reads bundles by it and has no network"},
	{"shared/event", []string{"shared/ledger", "shared/outbox", "shared/broadcast", "shared/auth", "shared/web", "shared/postgres"}, "facts know only money, problem and fair"},
	{"shared/ledger", []string{"shared/outbox", "shared/broadcast", "shared/auth", "shared/web"}, "the ledger stands on its own"},
	{"migrations", []string{"shared", "services", "jobs", "infra"}, "migrations import nothing of ours"},
	{"shared", []string{"services", "jobs", "infra"}, "shared is below every deployable"},
}

func TestImportsPointDownward(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		for _, f := range fences {
			if !under(p.ImportPath, f.From) || strings.HasSuffix(p.ImportPath, "test") {
				continue // test helpers such as pgtest are linked by tests alone
			}
			for _, dep := range p.Deps {
				for _, never := range f.Never {
					if under(dep, never) && !under(dep, f.From) {
						t.Errorf("%s depends on %s: %s", p.ImportPath, dep, f.Why)
					}
				}
			}
		}
	}
}

func TestNoDeployableImportsAnother(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		own := p.deployable()
		if own == "" {
			continue
		}
		for _, dep := range slices.Concat(p.Deps, p.TestImports, p.XTestImport) {
			if other := (pkg{ImportPath: dep}).deployable(); other != "" && other != own {
				t.Errorf("%s imports %s: services and jobs meet on the wire or in the database only", p.ImportPath, dep)
			}
		}
	}
}

// gameImports is all that a game may import: it is a pure function of its draws.
var gameImports = []string{"errors", "fmt", "math", "math/bits", "slices", "shared/money", "shared/fair", "services/actions/internal/games/sheet"}

func TestGamesArePure(t *testing.T) {
	t.Parallel()
	const games = "services/actions/internal/games"
	found := 0
	for _, p := range packages(t) {
		if !under(p.ImportPath, games) || p.ImportPath == games {
			continue
		}
		found++
		for _, imp := range p.Imports {
			if !slices.Contains(gameImports, imp) {
				t.Errorf("%s imports %s; a game imports only %v", p.ImportPath, imp, gameImports)
			}
		}
	}
	if found == 0 {
		t.Error("no game found: has the folder moved?")
	}
}

func TestTestHelpersStayOutOfBinaries(t *testing.T) {
	t.Parallel()
	helpers := []string{"shared/pgtest", "shared/redistest", "shared/ledger/ledgertest", "shared/ledger/oracle", "testing"}
	for _, p := range packages(t) {
		if p.Name != "main" || p.deployable() == "" {
			continue
		}
		for _, dep := range p.Deps {
			if slices.Contains(helpers, dep) {
				t.Errorf("the binary %s links %s", p.ImportPath, dep)
			}
		}
	}
}
