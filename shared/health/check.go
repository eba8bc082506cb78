package health

import (
	"context"
	"errors"
	"time"
)

// Status of a component or a container.
type Status string

// The worst component decides over the container. A degraded container does its
// work with less comfort: it answers 200.
const (
	Healthy   Status = "healthy"
	Degraded  Status = "degraded"
	Unhealthy Status = "unhealthy"
)

// rank orders statuses from good to bad.
func (s Status) rank() int {
	switch s {
	case Healthy:
		return 0
	case Degraded:
		return 1
	default:
		return 2
	}
}

// Check looks at one component.
type Check struct {
	Name    string        // the key in the document, such as "redis"
	Timeout time.Duration // limit of one run; 2 s when 0
	Every   time.Duration // period; 5 s when 0

	// Critical makes a failure of this component unhealthy; without it the
	// container is degraded.
	Critical bool
	// Ready makes the container refuse traffic while the check fails.
	Ready bool
	// Local marks a check that asks nobody: it shows no latency.
	Local bool

	// Run returns nil when the component is well. It should heed its context;
	// if it does not, the result is "timeout" all the same, and Run is not
	// called again before it returned. Nil means always well.
	Run func(ctx context.Context) error
	// Details returns figures for the document, a fresh map after each run and
	// within the same limit. Numbers and booleans are public; texts are shown to
	// the internal listener only. May be nil.
	Details func() map[string]any
}

const (
	defaultTimeout = 2 * time.Second
	defaultEvery   = 5 * time.Second
)

func (c Check) withDefaults() Check {
	if c.Timeout <= 0 {
		c.Timeout = defaultTimeout
	}
	if c.Every <= 0 {
		c.Every = defaultEvery
	}
	return c
}

// Reasons that this package gives. A check adds its own with Because.
const (
	reasonStarting = "starting" // no result yet
	reasonTimeout  = "timeout"
	reasonStale    = "stale" // the last result is too old
	reasonFailed   = "unavailable"
	reasonPanic    = "panic"
	reasonDraining = "draining"
)

// Because returns err with a code that probes may show, such as
// "schema_too_old". Without it a failing check named "database" is shown as
// "database_unavailable". Because of a nil error is nil.
func Because(reason string, err error) error {
	if err == nil {
		return nil
	}
	return &coded{reason: reason, cause: err}
}

// Mildly is Because for a failure that only degrades: the container stays ready and is
// not unhealthy, however critical the component is.
func Mildly(reason string, err error) error {
	if err == nil {
		return nil
	}
	return &coded{reason: reason, cause: err, mild: true}
}

type coded struct {
	reason string
	cause  error
	mild   bool
}

func (c *coded) Error() string { return c.reason + ": " + c.cause.Error() }
func (c *coded) Unwrap() error { return c.cause }

func isMild(err error) bool {
	var c *coded
	return errors.As(err, &c) && c.mild
}

// reasonOf returns the code of a check's error.
func reasonOf(name string, err error) string {
	var c *coded
	switch {
	case errors.As(err, &c):
		return c.reason
	case errors.Is(err, context.DeadlineExceeded):
		return name + "_" + reasonTimeout
	default:
		return name + "_" + reasonFailed
	}
}
