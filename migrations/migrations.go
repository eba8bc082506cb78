// Package migrations holds the schema as numbered SQL files and imports nothing
// of ours. jobs/migrate applies them; no service links this package.
//
// A file is NNNN_name.sql, numbered without gaps from 0001, forward only, and
// never edited once released. It starts with two comment lines:
//
//	-- phase: expand | contract | data
//	-- tx: on | off
//
// expand and data leave older code working; contract removes what no running
// revision uses any more, and has a third line:
//
//	-- code: NNNN
//
// the newest migration of the first release whose code does without. tx off is for
// statements that refuse a transaction, such as CREATE INDEX CONCURRENTLY.
package migrations

import "embed"

// Files holds every migration at its root.
//
//go:embed [0-9]*.sql
var Files embed.FS

// Bootstrap creates the runner's own table. It may be run any number of times,
// under the runner's lock.
//
//go:embed bootstrap.sql
var Bootstrap string
