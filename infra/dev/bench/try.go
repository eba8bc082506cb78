package bench

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// onServer marks the names that are PostgreSQL's.
const onServer = "pg."

// tried is the way of production but for NAME=VALUE with spaces between them: variables
// of the service, or settings of PostgreSQL that a reload can change.
func tried(text string, clients int) *way {
	w := &way{Way: Way{Name: together + ", " + text, Clients: clients}, settings: map[string]string{}, server: map[string]string{}}
	for _, field := range strings.Fields(text) {
		name, value, _ := strings.Cut(field, "=")
		if setting, found := strings.CutPrefix(name, onServer); found {
			w.server[setting] = value
		} else {
			w.settings[name] = value
		}
	}
	return w
}

// set gives the server the settings of a way, back takes them away again.
func (w *way) set(ctx context.Context, env *environment) (back func() error, err error) {
	if len(w.server) == 0 {
		return func() error { return nil }, nil
	}
	reload := func(sql func(name, value string) string) error {
		return onDatabase(ctx, env, "postgres", func(conn *pgx.Conn) error {
			for name, value := range w.server {
				if _, err := conn.Exec(ctx, sql(pgx.Identifier{name}.Sanitize(), "'"+strings.ReplaceAll(value, "'", "''")+"'")); err != nil {
					return fmt.Errorf("set %s: %w", name, err)
				}
			}
			_, err := conn.Exec(ctx, "SELECT pg_reload_conf()")
			return err
		})
	}
	return func() error {
		return reload(func(name, _ string) string { return "ALTER SYSTEM RESET " + name })
	}, reload(func(name, value string) string { return "ALTER SYSTEM SET " + name + " = " + value })
}
