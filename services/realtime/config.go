package main

import (
	"cmp"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/vegascore/vegascore/shared/auth"
	"github.com/vegascore/vegascore/shared/broadcast"
	environment "github.com/vegascore/vegascore/shared/config"
	"github.com/vegascore/vegascore/shared/redisconn"
	"github.com/vegascore/vegascore/shared/telemetry"
)

// maxRecovery is how far back the room log reaches.
const maxRecovery = 5 * time.Minute

// config is the whole of what the environment decides. README.md lists it.
type config struct {
	Port      int      `env:"PORT" envDefault:"8080"`
	LocalOnly bool     `env:"LOCAL_ONLY"` // listen on the loopback interface
	Origins   []string `env:"ORIGINS"`    // pages of other hosts that may connect
	// Transports that clients may use.
	Transports []string `env:"TRANSPORTS" envDefault:"polling,websocket"`
	MemoryMB   int      `env:"MEMORY_MB"` // the container's limit; 0: the cgroup's
	// Recovery is how long a client that lost its connection may stay away and still go
	// on where it stopped; 0 turns it off.
	Recovery time.Duration `env:"RECOVERY_WINDOW" envDefault:"2m"`
	Hops     int           `env:"TRUSTED_HOPS"` // proxies in front that add to X-Forwarded-For

	// Revision is what a drain message may keep; the platform sets it. APP_VERSION when
	// empty.
	Revision string `env:"K_REVISION"`

	// HealthToken opens the detailed answer of /health; nobody has it when empty.
	HealthToken string `env:"HEALTH_TOKEN" json:"-"`

	Limits    limits
	Tables    tables
	Tokens    auth.Config
	Redis     redisconn.Config
	Adapter   broadcast.Adapter `env:"ADAPTER" envDefault:"classic"` // of all servers on this Redis
	Telemetry telemetry.Config
}

// readConfig reads the variables through getenv.
func readConfig(getenv func(string) string) (config, error) {
	var c config
	if err := environment.Read(getenv, &c); err != nil {
		return c, err
	}
	for _, t := range c.Transports {
		if t != "polling" && t != "websocket" {
			return c, fmt.Errorf("read configuration: TRANSPORTS names %q: must be polling or websocket", t)
		}
	}
	if c.Hops < 0 {
		return c, fmt.Errorf("read configuration: TRUSTED_HOPS is %d: must be 0 or more", c.Hops)
	}
	if c.Recovery < 0 || c.Recovery > maxRecovery {
		return c, fmt.Errorf("read configuration: RECOVERY_WINDOW is %s: must be 0 to %s", c.Recovery, maxRecovery)
	}
	c.Telemetry.Service = "realtime"
	c.Revision = cmp.Or(c.Revision, c.Telemetry.Version)
	if err := c.Tables.check(); err != nil {
		return c, err
	}
	return c, c.Limits.check()
}

// addr is where players' traffic arrives.
func (c config) addr() string {
	host := ""
	if c.LocalOnly {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, strconv.Itoa(c.Port))
}
