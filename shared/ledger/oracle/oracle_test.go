package oracle

import (
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/vegascore/vegascore/shared/pgtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// history is a little of everything that happens to rounds: one that was won at once, one
// that was lost at once, one of two actions, one that is open and one that was void.
const history = `
INSERT INTO players (id, name) VALUES ('a0000000-0000-7000-8000-000000000001', 'Ada');
SELECT ledger_open('ac000000-0000-7000-8000-000000000001', 'a0000000-0000-7000-8000-000000000001', 'PLAY');
INSERT INTO seeds (id, player_id, state, server_seed, server_hash, client_seed, nonce) VALUES
	('5eed0000-0000-7000-8000-000000000001', 'a0000000-0000-7000-8000-000000000001', 'active', repeat('a', 64), repeat('b', 64), 'c', 5);
INSERT INTO rounds (id, player_id, key, request_hash, game, table_id, rules, state, asset, stake, staked, payout, seed_id, nonce, params, answer, settled_at)
SELECT ('0000000' || n || '-0000-7000-8000-000000000000')::uuid, 'a0000000-0000-7000-8000-000000000001', 'k' || n, decode(repeat('00', 32), 'hex'),
       'game', 'table', 'game/1', state, 'PLAY', 10, staked, payout, '5eed0000-0000-7000-8000-000000000001', n, '{}', '', CASE WHEN state <> 'open' THEN now() END
FROM (VALUES (0, 'settled', NULL, 20), (1, 'settled', 10, 0), (2, 'settled', 20, 30), (3, 'open', 10, 0), (4, 'void', 10, 0)) v (n, state, staked, payout);
UPDATE rounds SET created_at = created_at - interval '1 minute' WHERE nonce > 1;
INSERT INTO round_steps (round_id, n, player_id, key, request_hash, action, cost, answer)
SELECT '00000002-0000-7000-8000-000000000000', n, 'a0000000-0000-7000-8000-000000000001', 's' || n, decode(repeat('00', 32), 'hex'), '{}', 10 * (n - 1), ''
FROM generate_series(1, 2) AS n;
INSERT INTO ledger_transfers (id, debit, credit, amount, asset, kind, round_id)
SELECT gen_random_uuid(), d.id, c.id, amount, 'PLAY', v.kind, CASE WHEN v.kind <> 'grant' THEN ('0000000' || n || '-0000-7000-8000-000000000000')::uuid END
FROM (VALUES (NULL, 'world', 'player', 100, 'grant'), (0, 'player', 'house', 10, 'stake'), (0, 'house', 'player', 20, 'payout'),
             (1, 'player', 'house', 10, 'stake'), (1, 'house', 'jackpot', 1, 'contribution'),
             (2, 'player', 'hold', 10, 'hold'), (2, 'player', 'hold', 10, 'hold'), (2, 'hold', 'house', 20, 'stake'), (2, 'house', 'player', 30, 'payout'),
             (3, 'player', 'hold', 10, 'hold'), (4, 'player', 'hold', 10, 'hold'), (4, 'hold', 'player', 10, 'void')) v (n, debit, credit, amount, kind)
JOIN ledger_accounts d ON d.kind = v.debit JOIN ledger_accounts c ON c.kind = v.credit;
UPDATE ledger_accounts SET balance = 100 + 10 - 10 + 10 - 10, staked = 60, paid = 60, rounds = 5, hour = date_trunc('hour', now()) WHERE kind = 'player';
INSERT INTO player_hours (account, hour, rounds, staked, paid, played)
SELECT id, hour - n * interval '1 h', 5 - 3 * n, 20 - 20 * n, 0, '0' FROM ledger_accounts, generate_series(0, 1) AS n WHERE kind = 'player';
INSERT INTO outbox (event_id, sink, lane, key, type, body)
SELECT gen_random_uuid(), 'fact', 0, 'table', 'settled', json_build_object('round', id, 'settled_at', settled_at) FROM rounds WHERE state = 'settled';
INSERT INTO outbox (event_id, sink, lane, key, type, body) SELECT gen_random_uuid(), 'room', 0, 'table', 'round', json_build_array(json_build_object('id', id)) FROM rounds;
INSERT INTO outbox (event_id, sink, lane, key, type, body) SELECT gen_random_uuid(), 'room', 0, 'player', 'balance', json_build_array(json_build_object('round', id)) FROM rounds;`

// Each breach is made on a sound history, in a transaction that is rolled back.
func TestEveryBreachIsFound(t *testing.T) {
	t.Parallel()
	pg := pgtest.New(t)
	Watch(t, pg)
	admin := pg.AdminPool(t)
	if _, err := admin.Exec(t.Context(), history); err != nil {
		t.Fatal(err)
	}
	if r := Judge(t, pg); r.Rounds != 5 {
		t.Errorf("%d rounds; want 5", r.Rounds)
	}
	broken := map[string]bool{}
	for _, c := range []struct{ breach, want string }{
		{`UPDATE ledger_accounts SET balance = balance + 1 WHERE kind = 'player'`, "ledger is not sound"},
		{`DELETE FROM ledger_transfers WHERE kind = 'grant'`, "ledger is not sound"},
		{`DROP INDEX rounds_key; UPDATE rounds SET key = 'k0'`, "4 rounds too many for their keys"},
		{`DELETE FROM ledger_transfers WHERE kind = 'stake' AND amount = 20`, "1 rounds that are booked by half"},
		{`DELETE FROM ledger_transfers WHERE kind = 'payout' AND amount = 20`, "1 rounds that are booked by half"},
		{`DELETE FROM ledger_transfers WHERE kind = 'hold'`, "3 rounds that are booked by half"},
		{`DELETE FROM ledger_transfers WHERE kind = 'void'`, "1 rounds that are booked by half"},
		{`INSERT INTO ledger_transfers SELECT gen_random_uuid(), debit, credit, amount, asset, kind, round_id FROM ledger_transfers WHERE kind IN ('stake', 'payout')`, "3 rounds that are booked by half"},
		{`UPDATE rounds SET payout = payout + 1 WHERE nonce = 1`, "1 rounds that are booked by half"},
		{`UPDATE rounds SET state = 'void', settled_at = now() WHERE state = 'open'`, "1 rounds that are booked by half"},
		{`DELETE FROM rounds WHERE nonce = 0`, "2 transfers of rounds that do not exist"},
		{`DELETE FROM ledger_transfers WHERE kind = 'hold' AND round_id IN (SELECT id FROM rounds WHERE state = 'open')`, "10 chips held"},
		{`UPDATE rounds SET staked = 11 WHERE state = 'open'`, "1 chips held"},
		{`UPDATE ledger_transfers SET debit = credit, credit = debit WHERE kind = 'contribution'`, "1 chips less than nothing in the jackpot"},
		{`DELETE FROM round_steps WHERE n = 2`, "1 rounds whose actions have not cost"},
		{`DELETE FROM round_steps WHERE n = 1`, "1 rounds whose actions have holes"},
		{`DROP INDEX round_steps_key; UPDATE round_steps SET key = 's'`, "1 actions too many for their keys"},
		{`UPDATE seeds SET nonce = 6`, "1 seeds whose nonces"},
		{`UPDATE rounds SET nonce = 3 WHERE nonce = 0`, "1 seeds whose nonces"},
		{`INSERT INTO outbox (event_id, sink, lane, key, type, body) SELECT event_id, sink, lane, key, type, body FROM outbox WHERE type = 'balance'`, "5 events that are said twice"},
		{`INSERT INTO outbox (event_id, sink, lane, key, type, body) SELECT gen_random_uuid(), sink, lane, key, type, body FROM outbox WHERE sink = 'fact'`, "3 settled rounds without their one fact"},
		{`DELETE FROM outbox WHERE sink = 'fact' AND body ->> 'round' LIKE '00000000%'`, "1 settled rounds without their one fact"},
		{`UPDATE outbox SET body = json_build_object('round', body ->> 'round', 'settled_at', now() - interval '1 h') WHERE sink = 'fact'`, "3 settled rounds without their one fact"},
		{`DELETE FROM outbox WHERE type = 'balance'`, "2 rounds that were over at once without their two room events"},
		{`UPDATE rounds SET settled_at = settled_at + interval '1 h' WHERE nonce = 2`, "1 rounds that were settled at another time"},
		{`UPDATE ledger_accounts SET staked = staked + 1 WHERE kind = 'player'`, "1 accounts that do not say"},
		{`UPDATE player_hours SET staked = 30 - staked`, "2 hours that begin"},
	} {
		tx, err := admin.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tx.Exec(t.Context(), c.breach); err != nil {
			t.Fatalf("%s: %v", c.breach, err)
		}
		report, err := Ask(t.Context(), tx)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(report.Faults(), "\n"); !strings.Contains(got, c.want) {
			t.Errorf("%s: found %q, want %q", c.breach, got, c.want)
		}
		for _, b := range report.Breaches {
			broken[b.What] = true
		}
		if err := tx.Rollback(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for _, rule := range rules {
		if !broken[rule.what] {
			t.Errorf("nothing here breaks the rule against %s", rule.what)
		}
	}
}
