package stack

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strconv"

	"github.com/vegascore/vegascore/infra/dev/page"
	"github.com/vegascore/vegascore/infra/dev/repository"
	"github.com/vegascore/vegascore/shared/broadcast"
)

// RedisKind says where Redis comes from.
type RedisKind string

// The kinds of Redis. The zero value takes a redis-server if one is installed.
const (
	RedisAuto     RedisKind = ""
	RedisServer   RedisKind = "redis-server"
	RedisEmbedded RedisKind = "miniredis" // in this process, no data kept
)

// Options of a stack. The zero value is a stack for a test: everything private, on
// random ports, in a temporary folder that Stop removes.
type Options struct {
	// Root is the repository, with its go.work; looked for upwards when empty.
	Root string
	// Dir is the state folder; temporary when empty.
	Dir string
	// Port is the front door's; 0 is any free one.
	Port int
	// Reset throws the data in Dir away first.
	Reset bool

	// DatabaseURL is the services' database, DirectURL the migrations' (DatabaseURL
	// when empty). Both empty: a private PostgreSQL.
	DatabaseURL, DirectURL string
	// RedisURL is a running Redis. Empty: one of kind Redis is started.
	RedisURL string
	Redis    RedisKind
	// Adapter is that of realtime, actions and sweep; classic when empty. The others need
	// a real Redis.
	Adapter broadcast.Adapter
	// PubsubEmulator is host:port of a running Pub/Sub emulator. Empty: in process.
	PubsubEmulator string

	// Realtime is the number of realtime containers; 2 when 0.
	Realtime int
	// Console runs the sweep as a service too, which has the operators' console, and
	// starts a sweep every minute. A sweep mends what it finds, so tests that look for
	// faults go without.
	Console bool
	// Bin is a folder with finished binaries; they are built when empty.
	Bin string
	// Page is what the front door serves at /, Policy its Content-Security-Policy;
	// both those of package page when Page is nil.
	Page   fs.FS
	Policy string
	// Env is added to the environment of a service, by its name ("actions",
	// "realtime-1"); that of "" to all.
	Env map[string]map[string]string
	// NoSync turns PostgreSQL's fsync off. Never for figures.
	NoSync bool
	// NoHeal leaves PostgreSQL and Redis down when they die; services come back in
	// any case.
	NoHeal bool

	// Progress tells what happens while it happens; discarded when nil.
	Progress io.Writer
	// Logs gets the lines that services print, rendered for people; Warn and worse
	// only, unless AllLogs. Files in Dir/logs get all lines. Discarded when nil.
	Logs    io.Writer
	AllLogs bool
	// RawLogs passes the lines on to Logs as they are, JSON, all of them.
	RawLogs bool
}

const defaultPort = 8080

// FromEnv reads the variables of `make run`: PORT, RESET, DATABASE_URL, DIRECT_URL,
// REDIS_URL, ADAPTER, PUBSUB_EMULATOR_HOST, LOG_FORMAT, LOGS. State goes to .run in the
// repository.
func FromEnv(getenv func(string) string) (Options, error) {
	if getenv(envMark) != "" {
		return Options{}, fmt.Errorf("this shell has read .run/env, which describes a stack that ran before: " +
			"use another shell for `make run`, and read the file in a subshell: (. .run/env; go run ./services/actions)")
	}
	opts := Options{
		Port:        defaultPort,
		DatabaseURL: getenv("DATABASE_URL"), DirectURL: getenv("DIRECT_URL"),
		RedisURL: getenv("REDIS_URL"), PubsubEmulator: getenv("PUBSUB_EMULATOR_HOST"), Console: true,
		AllLogs: getenv("LOGS") == "all", RawLogs: getenv("LOG_FORMAT") == "json",
	}
	if opts.DirectURL != "" && opts.DatabaseURL == "" {
		return opts, errors.New("DIRECT_URL is set without DATABASE_URL: set both or none")
	}
	if adapter := getenv("ADAPTER"); adapter != "" {
		if err := opts.Adapter.UnmarshalText([]byte(adapter)); err != nil {
			return opts, fmt.Errorf("ADAPTER: %w", err)
		}
	}
	if port := getenv("PORT"); port != "" {
		n, err := strconv.Atoi(port)
		if err != nil || n < 1 || n > 65535 {
			return opts, fmt.Errorf("PORT is %q: want a number from 1 to 65535", port)
		}
		opts.Port = n
	}
	switch reset := getenv("RESET"); reset {
	case "", "0":
	case "1":
		opts.Reset = true
	default:
		return opts, fmt.Errorf("RESET is %q: want 1 to start afresh", reset)
	}
	root, err := repository.Root()
	if err != nil {
		return opts, err
	}
	opts.Root, opts.Dir = root, filepath.Join(root, ".run")
	return opts, nil
}

// complete fills in what was left out.
func (o Options) complete() (Options, error) {
	if o.Root == "" {
		root, err := repository.Root()
		if err != nil {
			return o, err
		}
		o.Root = root
	}
	if o.Realtime == 0 {
		o.Realtime = 2
	}
	if o.DirectURL == "" {
		o.DirectURL = o.DatabaseURL
	}
	if o.Page == nil {
		o.Page, o.Policy = page.Files, page.Policy
	}
	if o.Progress == nil {
		o.Progress = io.Discard
	}
	if o.Logs == nil {
		o.Logs = io.Discard
	}
	return o, nil
}
