// Package ledger is the only way in which money moves: a double-entry ledger over
// the tables of migration 0002.
//
// What always holds:
//
//   - A transfer takes amount > 0 from its debit account and gives it to its credit
//     account, so the sum over all accounts of an asset is zero.
//   - Transfers are never changed or removed; the services' role has no right to.
//   - A player's balance is stored, equals the sum of the player's transfers and is
//     never below zero; the table refuses it.
//   - The house and the world store no balance. Both take part in every bet, and a
//     stored balance would be one row that all bets wait for. Theirs is the sum of
//     their transfers, as is that of what is held for open rounds, of the jackpot and
//     of the pools of tournaments, which are never below zero.
//
// An account that disagrees with its transfers is frozen by the sweep (Freeze): nothing
// is posted to it until a person has looked.
//
// Whoever moves money on the strength of a balance locks it first with Lock (or
// within play_claim), in the transaction that posts. All locks are taken in the order
// of the account ids, so two transactions never wait for each other in a circle.
//
// The package keeps no state; its functions may be called concurrently, each with a
// transaction of its own.
package ledger
