package oracle

// rule is something that must never be, with a query that counts it.
type rule struct{ what, sql string }

// rules hold after any history of bets, actions and faults. Transfers that belong to no
// round of a player, such as grants, are the ledger's own matter.
var rules = []rule{
	{"rounds too many for their keys", `SELECT count(*) - count(DISTINCT (player_id, key)) FROM rounds`},
	// What was held is what the round has cost, and goes on as a whole; a round that was
	// over at once has paid its stake without a hold.
	{"rounds that are booked by half, or twice", `
		SELECT count(*) FROM rounds r LEFT JOIN (
			SELECT round_id,
			       count(*) FILTER (WHERE kind = 'stake') AS stakes, coalesce(sum(amount) FILTER (WHERE kind = 'stake'), 0) AS stake,
			       count(*) FILTER (WHERE kind = 'payout') AS payouts, coalesce(sum(amount) FILTER (WHERE kind = 'payout'), 0) AS payout,
			       count(*) FILTER (WHERE kind = 'void') AS voids, coalesce(sum(amount) FILTER (WHERE kind = 'void'), 0) AS void,
			       count(*) FILTER (WHERE kind = 'hold') AS holds, coalesce(sum(amount) FILTER (WHERE kind = 'hold'), 0) AS hold
			FROM ledger_transfers WHERE round_id IS NOT NULL GROUP BY round_id
		) m ON m.round_id = r.id
		CROSS JOIN LATERAL (SELECT coalesce(r.staked, r.stake) AS cost) c
		WHERE m.round_id IS NULL
		   OR m.hold <> CASE WHEN m.holds > 0 OR r.created_at IS DISTINCT FROM r.settled_at THEN c.cost ELSE 0 END
		   OR NOT CASE r.state
		      WHEN 'settled' THEN m.stakes = 1 AND m.stake = c.cost AND m.voids = 0
		                      AND m.payouts = (r.payout > 0)::int AND m.payout = r.payout
		      WHEN 'open' THEN m.stakes = 0 AND m.payouts = 0 AND m.voids = 0
		      ELSE m.stakes = 0 AND m.payouts = 0 AND m.void = c.cost END`},
	{"transfers of rounds that do not exist", `
		SELECT count(*) FROM ledger_transfers t
		WHERE t.kind IN ('stake', 'payout', 'hold', 'void') AND NOT EXISTS (SELECT FROM rounds r WHERE r.id = t.round_id)`},
	{"chips held, more or less than open rounds have cost", `
		SELECT abs(coalesce((SELECT sum(CASE WHEN t.credit = h.id THEN t.amount ELSE -t.amount END)
		                     FROM ledger_accounts h JOIN ledger_transfers t ON h.id IN (t.credit, t.debit) WHERE h.kind = 'hold'), 0)
		         - coalesce((SELECT sum(coalesce(staked, stake)) FROM rounds WHERE state = 'open'), 0))`},
	{"chips less than nothing in the jackpot", `
		SELECT greatest(0, -coalesce((SELECT sum(CASE WHEN t.credit = j.id THEN t.amount ELSE -t.amount END)
		                              FROM ledger_accounts j JOIN ledger_transfers t ON j.id IN (t.credit, t.debit) WHERE j.kind = 'jackpot'), 0))`},
	{"rounds whose actions have not cost what was staked", `
		SELECT count(*) FROM rounds r LEFT JOIN (SELECT round_id, sum(cost) AS cost FROM round_steps GROUP BY round_id) s ON s.round_id = r.id
		WHERE coalesce(r.staked, r.stake) <> r.stake + coalesce(s.cost, 0)`},
	{"rounds whose actions have holes", `
		SELECT count(*) FROM (SELECT round_id FROM round_steps GROUP BY round_id HAVING max(n) <> count(*)) h`},
	{"actions too many for their keys", `SELECT count(*) - count(DISTINCT (player_id, key)) FROM round_steps`},
	{"seeds whose nonces are not those of their rounds, once each", `
		SELECT count(*) FROM seeds s LEFT JOIN (
			SELECT seed_id, count(*) AS n, count(DISTINCT nonce) AS nonces, max(nonce) + 1 AS next FROM rounds GROUP BY seed_id
		) u ON u.seed_id = s.id
		WHERE s.nonce <> coalesce(u.n, 0) OR u.n <> u.nonces OR u.next <> s.nonce`},
	{"events that are said twice", `SELECT count(*) - count(DISTINCT event_id) FROM outbox`},
	// The time of the fact is in its text, as whoever hears it sees it.
	{"settled rounds without their one fact, or facts of rounds that are not settled", `
		SELECT count(*) FROM (SELECT * FROM rounds WHERE state = 'settled') r FULL JOIN (
			SELECT (body ->> 'round')::uuid AS round_id, count(*) AS n, max((body ->> 'settled_at')::timestamptz) AS settled_at
			FROM outbox WHERE sink = 'fact' AND body ->> 'round' IS NOT NULL GROUP BY 1
		) o ON o.round_id = r.id
		WHERE r.id IS NULL OR o.n IS DISTINCT FROM 1 OR o.settled_at <> r.settled_at`},
	{"rounds that were over at once without their two room events", `
		SELECT count(*) FROM rounds r LEFT JOIN (
			SELECT coalesce(body -> 0 ->> 'id', body -> 0 ->> 'round')::uuid AS round_id,
			       count(*) FILTER (WHERE type = 'round') AS rounds, count(*) FILTER (WHERE type = 'balance') AS balances
			FROM outbox WHERE sink = 'room' AND type IN ('round', 'balance') GROUP BY 1
		) o ON o.round_id = r.id
		WHERE o.round_id IS NULL OR r.created_at = r.settled_at AND (o.rounds, o.balances) <> (1, 1)`},
	// Money has one clock, the database's: everything of one transaction has its time.
	{"rounds that were settled at another time than their stake", `
		SELECT count(*) FROM rounds r JOIN ledger_transfers t ON t.round_id = r.id AND t.kind = 'stake' WHERE t.created_at <> r.settled_at`},
	{"accounts that do not say what was staked and paid, and in how many rounds", `
		WITH booked AS (
			SELECT a.id, sum(t.amount) FILTER (WHERE t.debit = a.id) AS staked, sum(t.amount) FILTER (WHERE t.credit = a.id AND t.kind <> 'grant') AS paid
			FROM ledger_accounts a JOIN ledger_transfers t ON a.id IN (t.debit, t.credit) WHERE a.kind = 'player' GROUP BY a.id
		), played AS (SELECT player_id, count(*) AS rounds FROM rounds GROUP BY player_id)
		SELECT count(*) FROM ledger_accounts a LEFT JOIN booked b ON b.id = a.id LEFT JOIN played p ON p.player_id = a.owner
		WHERE a.kind = 'player' AND (a.staked, a.paid, a.rounds) <> (coalesce(b.staked, 0), coalesce(b.paid, 0), coalesce(p.rounds, 0))`},
	// Of an account of long ago the first hours are pruned.
	{"hours that begin with other figures than the one before has left", `
		SELECT count(*) FROM (
			SELECT h.*, a.hour AS latest, a.created_at < now() - interval '31 days' AS pruned, row_number() OVER w AS n, h.staked - lag(h.staked) OVER w AS more, a.staked - h.staked AS since
			FROM player_hours h JOIN ledger_accounts a ON a.id = h.account WINDOW w AS (PARTITION BY h.account ORDER BY h.hour)
		) x WHERE n = 1 AND staked <> 0 AND NOT pruned OR more < 0 OR since < 0 OR hour > latest`},
}
