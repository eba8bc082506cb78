package main

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/vegascore/vegascore/services/actions/internal/api"
	"github.com/vegascore/vegascore/services/actions/internal/play"
	"github.com/vegascore/vegascore/services/actions/internal/tables"
	"github.com/vegascore/vegascore/shared/auth"
	"github.com/vegascore/vegascore/shared/broadcast"
	environment "github.com/vegascore/vegascore/shared/config"
	"github.com/vegascore/vegascore/shared/outbox/factsink"
	"github.com/vegascore/vegascore/shared/postgres"
	"github.com/vegascore/vegascore/shared/redisconn"
	"github.com/vegascore/vegascore/shared/telemetry"
)

// minSchema is the oldest migration that this code works on.
const minSchema = 19

// config is the whole of what the environment decides. README.md lists it.
type config struct {
	Port      int           `env:"PORT" envDefault:"8080"`
	LocalOnly bool          `env:"LOCAL_ONLY"`      // listen on the loopback interface
	Target    string        `env:"FUNCTION_TARGET"` // serve this function alone, at every path; empty or "actions": all
	TokenTTL  time.Duration `env:"TOKEN_TTL" envDefault:"1h"`

	// Revision is what the platform calls this release; shown to operators.
	Revision string `env:"K_REVISION"`

	// HealthToken opens the detailed answer of /health; nobody has it when empty.
	HealthToken string `env:"HEALTH_TOKEN" json:"-"`

	// Callers are the services that may call what is not for players. Nobody may when
	// PUSH_AUDIENCE is empty.
	Callers auth.PushConfig

	Bets      play.Options
	Tables    tables.Options
	Tokens    auth.Config
	Database  postgres.Config
	Redis     redisconn.Config
	Adapter   broadcast.Adapter `env:"ADAPTER" envDefault:"classic"` // of the realtime service
	Facts     factsink.Config
	Telemetry telemetry.Config
}

// readConfig reads the variables through getenv.
func readConfig(getenv func(string) string) (config, error) {
	var c config
	if err := environment.Read(getenv, &c); err != nil {
		return c, err
	}
	if c.TokenTTL <= 0 {
		return c, fmt.Errorf("read configuration: TOKEN_TTL is %s: must be more than 0", c.TokenTTL)
	}
	if c.Bets.Batch < 0 || c.Bets.Executors < 0 {
		return c, fmt.Errorf("read configuration: BET_BATCH and BET_EXECUTORS are %d and %d: must be 0 or more", c.Bets.Batch, c.Bets.Executors)
	}
	if c.Tables.Speed < 0 {
		return c, fmt.Errorf("read configuration: TABLE_SPEED is %d: must be 0 or more", c.Tables.Speed)
	}
	c.Telemetry.Service = "actions"
	c.Database.Application = "actions"
	return c, nil
}

// callers checks the tokens of our own services; nil when none may call.
func (c config) callers(ctx context.Context) (api.Callers, error) {
	if c.Callers.Audience == "" {
		return nil, nil
	}
	return auth.NewPushVerifier(ctx, c.Callers)
}

// addr is where players' traffic arrives.
func (c config) addr() string {
	host := ""
	if c.LocalOnly {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, strconv.Itoa(c.Port))
}
