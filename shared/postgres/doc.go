// Package postgres is the services' way to PostgreSQL: a pool whose size follows
// from the container and from the whole fleet, transactions that are retried when
// the server says that a retry is right, and the translation of its errors into
// what a player may see.
//
// What the package promises:
//
//   - Open never waits for the server. A container starts while PostgreSQL is
//     away and becomes ready when it is back.
//   - The pool is never larger than the fleet's budget allows, the containers of
//     both revisions of a rollout counted. A size beyond it is refused at start.
//   - No caller waits longer than Config.AcquireTimeout for a connection while all
//     are in use, or longer than Config.ConnectTimeout for a new one.
//   - While the server is away - refusing, shutting down or silent - callers are turned
//     away at once, and one look at a time, on behalf of all, finds it again.
//   - No transaction outlives the server's timeouts, also when this process is
//     cut off from the network while it holds a row.
//   - A connection that answers 25006 (read-only after a failover) is dropped
//     together with its idle siblings, so the next one finds the new primary.
//
// A pooler in transaction mode (PgBouncer) gives every transaction another server
// connection: prepared statements, session settings, LISTEN and session-level
// advisory locks do not work there. The package detects such a pooler, sends no
// prepared statements through it, and sets the timeouts by SET LOCAL in InTx;
// statements outside InTx then have only the timeouts that the role carries
// (ALTER ROLE ... SET statement_timeout).
package postgres
