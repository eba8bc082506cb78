package server

import (
	"errors"
	"fmt"
	"net"
	"strconv"

	"github.com/caarlos0/env/v11"

	"github.com/vegascore/vegascore/jobs/sweep/internal/sweep"
	"github.com/vegascore/vegascore/shared/auth"
)

// minSchema is the oldest migration that this code works on.
const minSchema = 21

// Config is what the environment decides, beside what a sweep needs.
type Config struct {
	Port      int  `env:"PORT" envDefault:"8080"`
	LocalOnly bool `env:"LOCAL_ONLY"` // listen on the loopback interface
	// ConsoleToken opens the console; nobody has it when empty.
	ConsoleToken string `env:"CONSOLE_TOKEN" json:"-"`

	Push  auth.PushConfig
	Sweep sweep.Config `env:"-"`
}

// ReadConfig reads the environment, given as KEY=value; an empty value counts as not
// set.
func ReadConfig(environ []string) (Config, error) {
	set := env.ToMap(environ)
	for key, value := range set {
		if value == "" {
			delete(set, key)
		}
	}
	var c Config
	err := env.ParseWithOptions(&c, env.Options{Environment: set})
	if err != nil {
		err = fmt.Errorf("read configuration: %w", err)
	}
	var swept error
	c.Sweep, swept = sweep.ReadConfig(environ)
	return c, errors.Join(err, swept)
}

// addr is where the scheduler calls.
func (c Config) addr() string {
	host := ""
	if c.LocalOnly {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, strconv.Itoa(c.Port))
}
