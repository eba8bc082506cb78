package main

import (
	"net"
	"strconv"

	"github.com/vegascore/vegascore/shared/auth"
	environment "github.com/vegascore/vegascore/shared/config"
	"github.com/vegascore/vegascore/shared/postgres"
	"github.com/vegascore/vegascore/shared/telemetry"
)

// minSchema is the oldest migration that this code works on.
const minSchema = 17

// config is the whole of what the environment decides. README.md lists it.
type config struct {
	Port      int    `env:"PORT" envDefault:"8080"`
	LocalOnly bool   `env:"LOCAL_ONLY"`      // listen on the loopback interface
	Target    string `env:"FUNCTION_TARGET"` // serve this function alone, at / too; empty: all

	// HealthToken opens the detailed answer of /health; nobody has it when empty.
	HealthToken string `env:"HEALTH_TOKEN" json:"-"`

	Push      auth.PushConfig
	Database  postgres.Config
	Telemetry telemetry.Config
}

// readConfig reads the variables through getenv.
func readConfig(getenv func(string) string) (config, error) {
	var c config
	if err := environment.Read(getenv, &c); err != nil {
		return c, err
	}
	c.Telemetry.Service = "events"
	c.Database.Application = "events"
	return c, nil
}

// addr is where players' traffic would arrive; here it is Pub/Sub's.
func (c config) addr() string {
	host := ""
	if c.LocalOnly {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, strconv.Itoa(c.Port))
}
