// Package play is the walk of one bet, from a request that was read to an answer
// that is committed.
//
// A bet takes two round trips to PostgreSQL, in one transaction:
//
//  1. claim: BEGIN, and play_claim locks the player's account, looks the idempotency
//     key up, checks the funds and takes the nonce.
//  2. The draws of that nonce and the game's rules decide, here, without I/O.
//  3. settle: the round, its transfers, its outbox rows and COMMIT in one pipeline.
//
// Both statements take a set of bets of different players: bets that wait at the same
// time go together (package batch), and the walk of one bet is a set of one.
//
// What holds for every bet:
//
//   - Money, nonce, round and outbox rows are committed together or not at all.
//   - The round is the record of its idempotency key. Whoever claims the key later
//     waits for the account's lock and then finds the round: the stored answer is
//     given again, to another request under the same key the problem key_reused.
//   - A bet that fails leaves nothing, and its key stays free.
//   - When the connection is lost at any point, COMMIT included, the bet is claimed
//     again under the same key. The claim waits until the server has ended the lost
//     transaction, one way or the other, so it finds what really happened. If the
//     server cannot be asked, the answer is 503 with Retry-After, and the player's
//     next try with the key finds it.
//   - The player's hanging up does not stop a bet: it runs under a deadline of its own.
//
// A server seed leaves this package only into the draws.
package play
