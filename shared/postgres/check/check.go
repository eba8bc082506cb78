// Package check has the health checks of a service with a database.
//
// A pool whose connections are all in use is a container with too much to do, not one
// without a database: it is degraded and stays ready. Taking its traffic away would only
// move the load, and a probe that waited for a connection would join the queue.
package check

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/vegascore/vegascore/shared/health"
	"github.com/vegascore/vegascore/shared/postgres"
)

// Codes that the checks give.
const (
	busy        = "database_busy"        // every connection of the pool is in use
	unavailable = "database_unavailable" // the schema could not be read
	tooOld      = "schema_too_old"
)

// Database is the check of the server by way of the pool, named "database". observe is
// told how long each answer took; nil tells nobody.
func Database(db *postgres.DB, observe func(time.Duration)) health.Check {
	return health.Check{
		Name: "database", Critical: true, Timeout: 2 * time.Second, Details: db.Details,
		Run: func(ctx context.Context) error {
			start := time.Now()
			err := db.Check(ctx)
			switch {
			case errors.Is(err, postgres.ErrBusy):
				return health.Mildly(busy, err)
			case err == nil && observe != nil:
				observe(time.Since(start))
			}
			return err
		},
	}
}

// Schema is the check that the migrations up to least are applied, named "schema": the
// container takes no traffic before. Migrations are never taken back, so a schema that
// was found new enough stays so while the pool is too busy to look again.
func Schema(db *postgres.DB, least int) health.Check {
	var found atomic.Bool
	return health.Check{
		Name: "schema", Critical: true, Ready: true, Timeout: 2 * time.Second,
		Details: func() map[string]any { return map[string]any{"minimum": least} },
		Run: func(ctx context.Context) error {
			err := db.CheckSchema(ctx, least)
			found.CompareAndSwap(false, err == nil)
			switch {
			case errors.Is(err, postgres.ErrSchemaTooOld):
				return health.Because(tooOld, err)
			case errors.Is(err, postgres.ErrBusy) && found.Load():
				return health.Mildly(busy, err)
			}
			return health.Because(unavailable, err)
		},
	}
}
