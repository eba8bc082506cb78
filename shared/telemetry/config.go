package telemetry

import (
	"io"
	"log/slog"
	"os"
	"strings"
)

// Config is read from the environment.
type Config struct {
	Service string `env:"-"` // name of the deployable, set by its main

	Version   string     `env:"APP_VERSION" envDefault:"dev"`
	LogFormat string     `env:"LOG_FORMAT" envDefault:"json"` // json or text
	LogLevel  slog.Level `env:"LOG_LEVEL" envDefault:"INFO"`
	Project   string     `env:"GOOGLE_CLOUD_PROJECT"` // makes trace ids in logs into links

	// Endpoint of an OTLP/HTTP collector, such as http://localhost:4318; empty
	// means that spans and figures are not exported. The other OTEL_ variables of the
	// exporters hold too.
	Endpoint string `env:"OTEL_EXPORTER_OTLP_ENDPOINT"`
	// Sampler says which traces are exported, and SamplerArg which share of them, for
	// the samplers that take one: names and meaning are OpenTelemetry's.
	Sampler    string `env:"OTEL_TRACES_SAMPLER" envDefault:"parentbased_always_on"`
	SamplerArg string `env:"OTEL_TRACES_SAMPLER_ARG"`

	InternalAddr string `env:"INTERNAL_ADDR" envDefault:"127.0.0.1:0"` // metrics, details and profiles: never public

	Logger *slog.Logger `env:"-"` // told about exports that fail; slog.Default() when nil
}

// NewLogger returns the service's logger as configured.
func (c Config) NewLogger(w io.Writer) *slog.Logger {
	return newLogger(w, c.Service, c.Project, c.LogLevel, c.LogFormat != "text")
}

// Logger returns a logger at level INFO whose records carry the service's name:
// JSON for Cloud Logging, else text for people, in colour on a terminal. A
// record is one line, whatever is in its texts.
func Logger(w io.Writer, service string, json bool) *slog.Logger {
	return newLogger(w, service, os.Getenv("GOOGLE_CLOUD_PROJECT"), slog.LevelInfo, json)
}

func newLogger(w io.Writer, service, project string, level slog.Leveler, json bool) *slog.Logger {
	inner := textHandler(w, level)
	if json {
		inner = jsonHandler(w, level)
	}
	l := slog.New(&traced{inner: inner, root: inner, prefix: tracePrefix(project)})
	if service != "" {
		l = l.With("service", service)
	}
	return l
}

func tracePrefix(project string) string {
	if project = strings.TrimSpace(project); project == "" {
		return ""
	}
	return "projects/" + project + "/traces/"
}
