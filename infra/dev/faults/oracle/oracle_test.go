package oracle_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"

	"github.com/vegascore/vegascore/infra/dev/e2e/platform"
	"github.com/vegascore/vegascore/infra/dev/faults/oracle"
	"github.com/vegascore/vegascore/infra/dev/stack"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Whatever is wrong is found: each breach is made in a transaction that is rolled
// back, on a database in which real bets were played.
func TestTheOracleFindsEachBreach(t *testing.T) {
	t.Parallel()
	p := platform.Start(t, stack.Options{})
	ada := platform.Guest(t, p.URL, "Ada")
	var told []oracle.Bet
	for n := range 4 {
		key := fmt.Sprint("k", n)
		round, _ := ada.MustBet(t, key, 100)
		told = append(told, oracle.Bet{Player: ada.ID, Key: key, Round: round.ID})
	}
	admin := p.Database.AdminPool(t)
	look := func(tx oracle.Querier, told []oracle.Bet) oracle.Report {
		t.Helper()
		report, err := oracle.Ask(t.Context(), tx, told)
		if err != nil {
			t.Fatal(err)
		}
		return report
	}
	platform.Await(t, "everything has gone out", func() bool { return look(admin, told).Settled() })
	if faults := look(admin, told).Faults(); len(faults) > 0 {
		t.Fatalf("a sound database: %q", faults)
	}
	const last = ` = (SELECT max(id::text)::uuid FROM rounds)`
	for _, c := range []struct{ breach, want string }{
		{`DELETE FROM rounds WHERE id` + last, "1 acknowledged bets are lost"},
		{`DELETE FROM rounds WHERE id` + last, " transfers of rounds that do not exist"},
		{`UPDATE rounds SET staked = staked + 1 WHERE id` + last, "1 rounds that are booked by half"},
		{`UPDATE rounds SET state = 'void' WHERE id` + last, "1 rounds that are booked by half"},
		{`UPDATE rounds SET nonce = 0 WHERE id` + last, "1 seeds whose nonces"},
		{`UPDATE seeds SET nonce = nonce + 1 WHERE state = 'active'`, "1 seeds whose nonces"},
		{`DELETE FROM outbox WHERE type = 'balance' AND id < 10`, "rounds that were over at once without"},
		{`INSERT INTO outbox (event_id, sink, lane, key, type, body, sent_at) SELECT event_id, sink, lane, key, type, body, sent_at FROM outbox WHERE sink = 'fact'`, "4 settled rounds without their one fact"},
		{`UPDATE outbox SET sent_at = NULL WHERE sink = 'room'`, "8 outbox rows are not sent"},
		{`DELETE FROM handled_events`, "4 facts, 0 handled, 4 of them not"},
		{`UPDATE leaderboard_daily SET rounds = rounds + 1`, "1 lines of the leaderboard"},
		{`UPDATE leaderboard_daily SET staked = staked + 1`, "1 lines of the leaderboard"},
		{`DELETE FROM leaderboard_daily`, "1 lines of the leaderboard"},
	} {
		tx, err := admin.BeginTx(t.Context(), pgx.TxOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tx.Exec(t.Context(), c.breach); err != nil {
			t.Fatalf("%s: %v", c.breach, err)
		}
		if got := look(tx, told).Faults(); !strings.Contains(strings.Join(got, "\n"), c.want) {
			t.Errorf("%s: found %q, want %q", c.breach, got, c.want)
		}
		if err := tx.Rollback(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if got := look(admin, told[1:]).Faults(); len(got) != 1 || got[0] != "1 rounds that nobody was told of" {
		t.Errorf("a bet without its player: %q", got)
	}
}
