package faults

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/vegascore/vegascore/infra/dev/e2e/platform"
	"github.com/vegascore/vegascore/infra/dev/faults/oracle"
	"github.com/vegascore/vegascore/infra/dev/stack"
)

// place is where a transaction is when the actions service is killed for certain: a
// session of ours holds what it needs next.
type place struct {
	name    string
	hold    string // a statement
	waiting string // is part of what the backend does then
	most    int64  // rounds of the key that may be there once the session lets go
}

var places = []place{
	{"stake", `SELECT FROM ledger_accounts WHERE kind = 'player' FOR UPDATE`, "play_claim", 0},
	// The commit is on its way already: PostgreSQL may still do all of it.
	{"payout", `LOCK TABLE outbox IN SHARE ROW EXCLUSIVE MODE`, "INSERT INTO outbox", 1},
}

// Fault 15: the actions container is killed in the middle of transactions.
func TestAKilledContainerLeavesNoHalfBet(t *testing.T) {
	t.Parallel()
	p := platform.Start(t, stack.Options{})
	actions := p.Service("actions")
	crowd := platform.NewCrowd(t, actions.URL, 4)
	restart := func() {
		t.Helper()
		if err := actions.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for n := range times(2) {
		for _, place := range places {
			key := fmt.Sprintf("held-%d-%s", n, place.name)
			killAt(t, p, crowd.Players[0], key, place)
			restart()
			crowd.Settle(crowd.Players[0], key)
		}
		stop := crowd.Run(fmt.Sprint("free-", n))
		crowd.More(20)
		if err := actions.Halt(); err != nil { // wherever its transactions are
			t.Fatal(err)
		}
		restart()
		crowd.More(20)
		stop()
	}
	report := judge(t, p, crowd)
	_, unheard := crowd.Refused()
	t.Logf("killed %d times, %d bets were under way: broken rules %d, of %d bets",
		times(2)*(len(places)+1), unheard+times(2)*len(places), len(report.Breaches), len(crowd.Acked()))
}

// killAt sends a bet, kills the service where the transaction waits for us, lets go,
// and looks what became of the bet.
func killAt(t *testing.T, p *platform.Platform, player *platform.Player, key string, at place) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), p.DirectURL())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	admin := p.Database.AdminPool(t) // sees what others do
	tx, err := conn.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), at.hold); err != nil {
		t.Fatal(err)
	}
	answered := make(chan error, 1)
	go func() { // ends when the service is killed
		_, err := player.Bet(context.Background(), key, 1)
		answered <- err
	}()
	backends := func(more string, args ...any) (n int64) {
		t.Helper()
		err := admin.QueryRow(t.Context(), `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'actions' `+more, args...).Scan(&n)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	platform.Await(t, "the bet waits for its "+at.name, func() bool {
		return backends("AND wait_event_type = 'Lock' AND query LIKE '%' || $1 || '%'", at.waiting) == 1
	})
	if err := p.Service("actions").Halt(); err != nil {
		t.Fatal(err)
	}
	if err := <-answered; err == nil {
		t.Error("a bet in the middle of its transaction was answered")
	}
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	platform.Await(t, "the end of the service's sessions", func() bool { return backends("") == 0 })
	var rounds int64
	if err := admin.QueryRow(t.Context(), `SELECT count(*) FROM rounds WHERE player_id = $1 AND key = $2`, player.ID, key).Scan(&rounds); err != nil {
		t.Fatal(err)
	}
	if rounds > at.most {
		t.Errorf("%d rounds of a bet that was killed at its %s, want %d at most", rounds, at.name, at.most)
	}
}

// Fault 16: the actions container is killed when bets are committed and not published.
func TestWhatAKilledContainerHasNotPublishedIsSent(t *testing.T) {
	t.Parallel()
	const bound = 2 * time.Second
	p := platform.Start(t, stack.Options{Redis: stack.RedisServer, NoHeal: true})
	actions := p.Service("actions")
	crowd := platform.NewCrowd(t, actions.URL, 3)
	ears := []*ear{listen(t, p.Service("realtime-1").URL, crowd.Players[0]), listen(t, p.Service("realtime-2").URL, crowd.Players[1])}
	across(t, ears[0], ears[1])
	var took []time.Duration
	waited := int64(0)
	for n := range times(2) {
		if err := p.Redis().Freeze(); err != nil {
			t.Fatal(err)
		}
		stop := crowd.Run(fmt.Sprint("k", n))
		crowd.More(20)
		stop()
		if err := actions.Halt(); err != nil {
			t.Fatal(err)
		}
		report, err := oracle.Look(t.Context(), p.DirectURL(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if waited += report.Unsent; report.Unsent == 0 {
			t.Error("nothing was left to publish")
		}
		if err := p.Redis().Thaw(); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		if err := actions.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		acks := crowd.Acked()
		for i, e := range ears {
			if lost, _ := e.count(acks); lost > 0 {
				t.Errorf("%d events are lost to socket %d", lost, i+1)
			}
		}
		took = append(took, time.Since(began))
	}
	judge(t, p, crowd)
	lost, doubled := ears[1].count(crowd.Acked())
	t.Logf("killed %d times with %d rows to publish: lost %d of %d rounds, all heard within %s of the restart, %d heard twice",
		len(took), waited, lost, len(crowd.Acked()), longest(took), doubled)
	within(t, "sending what was left", longest(took), bound)
}
