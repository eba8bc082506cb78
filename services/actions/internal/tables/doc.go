// Package tables keeps the rounds of shared tables: one draw decides the bets of all who
// are there.
//
// A round is open, then locked, then settled, and the next one is opened. Advance does
// whatever of that is due by the database's clock, in transactions of their own, and may be
// called by anybody any number of times: the croupier of the realtime service calls it while
// players are at a table, the sweep for what was left. Whoever moves a table on holds the
// lock of its row in table_clocks, so nothing happens twice, and a fence number there keeps
// out a croupier whose lease went to another.
//
//   - open: the seed is chosen and its hash told. Bets hold the row until they are
//     committed (play_claim_shared), and are in time when they came before locks_at.
//   - locked: no bets. Crash takes cash-outs, by the clock. When the result is there is
//     stored and never told: it would tell the result.
//   - settled: first the bets are ended, so many in a transaction, then the round, whose
//     seed is told with its outcome. Bets of frozen accounts stay open until the house has
//     looked into them, and are ended by the sweep's call.
//   - void: the sweep has given up; the stakes go back.
//
// A bet locks its account and then the round of the table. So does who settles: accounts
// first. Locking a round for bets takes no account, so nobody waits in a circle.
//
// Roulette has a new server seed for each round; the client seed is the round's id and the
// nonce its seq. The rounds of crash are the links of a chain (package fair).
package tables
