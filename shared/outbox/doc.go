// Package outbox carries what a transaction has to say to the outside world: the
// rows are committed together with the change that they tell of, and a Drainer
// sends them afterwards, at least once.
//
// Invariants:
//
//   - A row exists if and only if its transaction was committed, and it stays
//     unsent until its sink has taken it. Nothing is remembered between batches
//     but the mark on the row: a relay that remembers the last id loses the rows
//     of transactions that commit out of the order of their ids.
//   - Each sink has rows and marks of its own, so a sink that is down delays
//     nothing but itself.
//   - Rows of one key share a lane. A lane is drained by the one drainer, over all
//     containers, that holds its lock in the database, in the order of the ids. So
//     the rows of one key go out in the order of their transactions, if these
//     waited for each other. Transactions that ran at the same time have no order.
//   - A drainer that dies between sending and marking leaves the rows to the next
//     one, which sends them again with the same event id. Receivers drop what they
//     have seen.
//
// The lock belongs to a transaction, so it also works through a pooler in
// transaction mode. The transaction is open while the sink is busy; should the
// drainer freeze, the server ends it after the longest time that a batch may take.
package outbox
