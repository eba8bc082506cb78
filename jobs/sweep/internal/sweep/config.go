package sweep

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/caarlos0/env/v11"

	"github.com/vegascore/vegascore/shared/broadcast"
	"github.com/vegascore/vegascore/shared/outbox/factsink"
	"github.com/vegascore/vegascore/shared/postgres"
	"github.com/vegascore/vegascore/shared/redisconn"
	"github.com/vegascore/vegascore/shared/telemetry"
)

const day = 24 * time.Hour

// Config says what to sweep.
type Config struct {
	// Services are the base URLs of the services; each is asked at /health.
	Services []string `env:"SERVICES"`
	// Identity is "token" when the services ask callers for an identity token, as Cloud Run
	// does, and "none" when not.
	Identity string `env:"SERVICES_IDENTITY" envDefault:"none"`
	// Actions is the base URL of the actions service, which plays rounds to their end that
	// their players have left; Audience is what its identity tokens are for, its URL if empty.
	Actions  string `env:"ACTIONS_URL"`
	Audience string `env:"ACTIONS_AUDIENCE"`
	// ServiceTimeout bounds one answer.
	ServiceTimeout time.Duration `env:"SERVICE_TIMEOUT" envDefault:"5s"`
	// OlderThan is the age from which an unsent row counts as left over.
	OlderThan time.Duration `env:"OUTBOX_OLDER_THAN" envDefault:"5s"`
	// Pass says how much of the ledger is verified; FullEvery is the age of the last full
	// pass from which Auto makes another.
	Pass      Pass          `env:"LEDGER_PASS" envDefault:"auto"`
	FullEvery time.Duration `env:"LEDGER_FULL_EVERY" envDefault:"24h"`
	// RoundsOlderThan is the time without an action after which an open round counts as left.
	RoundsOlderThan time.Duration `env:"ROUNDS_OLDER_THAN" envDefault:"24h"`
	// From these ages on things are pruned; none may be less than a day.
	KeysOlderThan    time.Duration `env:"KEYS_OLDER_THAN" envDefault:"720h"`
	GuestsOlderThan  time.Duration `env:"GUESTS_OLDER_THAN" envDefault:"720h"`
	SentOlderThan    time.Duration `env:"SENT_OLDER_THAN" envDefault:"168h"`
	HandledOlderThan time.Duration `env:"HANDLED_OLDER_THAN" envDefault:"768h"` // Pub/Sub keeps an event for 31 days
	// PruneTime is how long one run may prune.
	PruneTime time.Duration `env:"PRUNE_TIME" envDefault:"30s"`
	// Timeout bounds the whole run; a full pass reads the ledger as a whole.
	Timeout time.Duration `env:"SWEEP_TIMEOUT" envDefault:"5m"`

	// MetricsFile is where a run by hand or as a job leaves its figures, in Prometheus'
	// text form; nowhere when empty.
	MetricsFile string `env:"METRICS_FILE"`

	Database  postgres.Config
	Redis     redisconn.Config
	Adapter   broadcast.Adapter `env:"ADAPTER" envDefault:"classic"` // of the realtime service
	Facts     factsink.Config
	Telemetry telemetry.Config
}

// ReadConfig reads the environment, given as KEY=value; an empty value counts as
// not set.
func ReadConfig(environ []string) (Config, error) {
	set := env.ToMap(environ)
	for key, value := range set {
		if value == "" {
			delete(set, key)
		}
	}
	c, err := env.ParseAsWithOptions[Config](env.Options{Environment: set})
	if err != nil {
		return c, fmt.Errorf("read configuration: %w", err)
	}
	var wrong []error
	for name, d := range map[string]time.Duration{
		"SERVICE_TIMEOUT": c.ServiceTimeout, "OUTBOX_OLDER_THAN": c.OlderThan, "SWEEP_TIMEOUT": c.Timeout,
		"LEDGER_FULL_EVERY": c.FullEvery, "ROUNDS_OLDER_THAN": c.RoundsOlderThan, "PRUNE_TIME": c.PruneTime,
	} {
		if d <= 0 {
			wrong = append(wrong, fmt.Errorf("%s is %s: must be more than 0", name, d))
		}
	}
	for name, d := range map[string]time.Duration{
		"KEYS_OLDER_THAN": c.KeysOlderThan, "GUESTS_OLDER_THAN": c.GuestsOlderThan,
		"SENT_OLDER_THAN": c.SentOlderThan, "HANDLED_OLDER_THAN": c.HandledOlderThan,
	} {
		if d < day {
			wrong = append(wrong, fmt.Errorf("%s is %s: must be a day or more", name, d))
		}
	}
	if !c.Pass.Valid() {
		wrong = append(wrong, fmt.Errorf("LEDGER_PASS is %q: must be auto, new or full", c.Pass))
	}
	if c.Identity != "token" && c.Identity != "none" {
		wrong = append(wrong, fmt.Errorf("SERVICES_IDENTITY is %q: must be token or none", c.Identity))
	}
	for i, service := range c.Services {
		u, err := url.Parse(strings.TrimSpace(service))
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			wrong = append(wrong, fmt.Errorf("SERVICES: entry %d is not a URL of a service", i+1))
			continue
		}
		c.Services[i] = strings.TrimSuffix(u.String(), "/")
	}
	if c.Actions != "" {
		u, err := url.Parse(c.Actions)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			wrong = append(wrong, errors.New("ACTIONS_URL is not the URL of a service"))
		}
		c.Actions = strings.TrimSuffix(c.Actions, "/")
	}
	if c.Database.URL == "" {
		wrong = append(wrong, errors.New("DATABASE_URL is not set"))
	}
	if len(wrong) > 0 {
		return c, fmt.Errorf("read configuration: %w", errors.Join(wrong...))
	}
	c.Telemetry.Service = "sweep"
	c.Database.Application = "sweep"
	if c.Database.MaxConns == 0 {
		c.Database.MaxConns = 3 // two things at a time, and one to spare
	}
	if c.Database.StatementTimeout == 0 {
		c.Database.StatementTimeout = c.Timeout
	}
	if c.Database.TxTimeout == 0 {
		c.Database.TxTimeout = c.Timeout
	}
	return c, nil
}
