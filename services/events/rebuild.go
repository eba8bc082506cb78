package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	environment "github.com/vegascore/vegascore/shared/config"
	"github.com/vegascore/vegascore/shared/leaderboard"
	"github.com/vegascore/vegascore/shared/postgres"
	"github.com/vegascore/vegascore/shared/telemetry"
)

// rebuildConfig is what "events rebuild" takes from the environment.
type rebuildConfig struct {
	Batch     int `env:"REBUILD_BATCH" envDefault:"10000"` // rounds in one transaction
	Database  postgres.Config
	Telemetry telemetry.Config
}

// rebuild makes the leaderboards anew from the rounds and prints what it has done, as
// JSON. The service may run meanwhile.
func rebuild(ctx context.Context, getenv func(string) string, out io.Writer) error {
	var c rebuildConfig
	if err := environment.Read(getenv, &c); err != nil {
		return err
	}
	if c.Batch < 1 {
		return fmt.Errorf("read configuration: REBUILD_BATCH is %d: must be more than 0", c.Batch)
	}
	c.Telemetry.Service, c.Database.Application, c.Database.MaxConns = "events", "rebuild", 1
	// One player may have played for years.
	c.Database.StatementTimeout, c.Database.TxTimeout = 10*time.Minute, 10*time.Minute
	log := c.Telemetry.NewLogger(os.Stderr)
	db, err := postgres.Open(ctx, c.Database, log)
	if err != nil {
		return err
	}
	defer db.Close()
	if err := db.CheckSchema(ctx, minSchema); err != nil {
		return err
	}
	done, err := leaderboard.Rebuild(ctx, db, c.Batch, func(r leaderboard.Rebuilt) {
		log.InfoContext(ctx, "batch rebuilt", "players", r.Players, "rounds", r.Rounds)
	})
	if err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(done)
}
