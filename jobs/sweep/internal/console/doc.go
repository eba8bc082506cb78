// Package console is one page for operators: what every container and service says of
// itself, and what the database knows of outbox, tables, rounds, payouts, ledger, versions and
// migrations. It reads only, in statements whose cost has a bound whatever the history,
// and all open pages together cost one look every Every.
//
// The page itself holds nothing secret; its figures need the token. Nothing of it names
// a player.
package console
