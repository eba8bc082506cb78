package lint

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// state is what a session sees of the database within its transaction.
type state map[uint32]*table // by oid

// table is one table of ours.
type table struct {
	OID     uint32
	Name    string
	File    uint32 // where its rows are; another one after a rewrite
	Scans   int64  // sequential scans of this transaction
	Changed int64  // rows that this transaction inserted, updated or deleted
	Lock    int    // the strongest lock of this transaction, as a rank
	Version string // changes when the definition does
	Columns map[int16]column
}

type column struct {
	Name, Type string
	Required   bool // NOT NULL, and nothing fills it in
}

// Ranks of the locks that keep writers out.
const (
	none      = 0
	share     = 1 // SHARE, SHARE ROW EXCLUSIVE, EXCLUSIVE: readers go on
	exclusive = 2 // ACCESS EXCLUSIVE
)

const tablesQuery = `
SELECT c.oid, c.oid::regclass::text, pg_relation_filenode(c.oid),
       coalesce(pg_stat_get_xact_numscans(c.oid), 0),
       coalesce(pg_stat_get_xact_tuples_inserted(c.oid), 0) + coalesce(pg_stat_get_xact_tuples_updated(c.oid), 0) + coalesce(pg_stat_get_xact_tuples_deleted(c.oid), 0),
       coalesce((SELECT max(CASE l.mode WHEN 'AccessExclusiveLock' THEN 2 WHEN 'ExclusiveLock' THEN 1 WHEN 'ShareRowExclusiveLock' THEN 1 WHEN 'ShareLock' THEN 1 ELSE 0 END)
                   FROM pg_locks l WHERE l.pid = pg_backend_pid() AND l.relation = c.oid AND l.granted
                    AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())), 0),
       md5(concat_ws(' ', c.xmin, c.relacl,
           (SELECT string_agg(concat_ws(',', a.xmin, a.attnum), ';' ORDER BY a.attnum) FROM pg_attribute a WHERE a.attrelid = c.oid),
           (SELECT string_agg(concat_ws(',', d.xmin, d.oid), ';' ORDER BY d.oid) FROM pg_attrdef d WHERE d.adrelid = c.oid),
           (SELECT string_agg(concat_ws(',', k.xmin, k.oid), ';' ORDER BY k.oid) FROM pg_constraint k WHERE k.conrelid = c.oid OR k.confrelid = c.oid),
           (SELECT string_agg(concat_ws(',', g.xmin, g.oid), ';' ORDER BY g.oid) FROM pg_trigger g WHERE g.tgrelid = c.oid),
           (SELECT string_agg(concat_ws(',', i.xmin, i.indexrelid), ';' ORDER BY i.indexrelid) FROM pg_index i WHERE i.indrelid = c.oid),
           (SELECT string_agg(concat_ws(',', p.xmin, p.oid), ';' ORDER BY p.oid) FROM pg_policy p WHERE p.polrelid = c.oid),
           (SELECT string_agg(concat_ws(',', r.xmin, r.oid), ';' ORDER BY r.oid) FROM pg_rewrite r WHERE r.ev_class = c.oid)))
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p') AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg\_%'`

const columnsQuery = `
SELECT a.attrelid, a.attnum, a.attname, format_type(a.atttypid, a.atttypmod),
       a.attnotnull AND NOT a.atthasdef AND a.attidentity = ''
  FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p')
   AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg\_%'`

// look reads the present state.
func look(ctx context.Context, conn *pgx.Conn) (state, error) {
	rows, err := conn.Query(ctx, tablesQuery)
	if err != nil {
		return nil, fmt.Errorf("look at tables: %w", err)
	}
	all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (*table, error) {
		t := &table{Columns: map[int16]column{}}
		var file *uint32 // a partitioned table has none
		err := row.Scan(&t.OID, &t.Name, &file, &t.Scans, &t.Changed, &t.Lock, &t.Version)
		if file != nil {
			t.File = *file
		}
		return t, err
	})
	if err != nil {
		return nil, fmt.Errorf("look at tables: %w", err)
	}
	s := state{}
	for _, t := range all {
		s[t.OID] = t
	}
	rows, err = conn.Query(ctx, columnsQuery)
	if err != nil {
		return nil, fmt.Errorf("look at columns: %w", err)
	}
	var oid uint32
	var number int16
	var c column
	_, err = pgx.ForEachRow(rows, []any{&oid, &number, &c.Name, &c.Type, &c.Required}, func() error {
		if t := s[oid]; t != nil {
			t.Columns[number] = c
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("look at columns: %w", err)
	}
	return s, nil
}

// names are the tables that there are.
func (s state) names() map[uint32]string {
	all := map[uint32]string{}
	for oid, t := range s {
		all[oid] = t.Name
	}
	return all
}
