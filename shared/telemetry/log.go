package telemetry

import (
	"context"
	"io"
	"log/slog"
	"slices"
	"time"

	"go.opentelemetry.io/otel/trace"
)

// Names of the fields that Cloud Logging lifts out of a JSON record
// (cloud.google.com/logging/docs/structured-logging).
const (
	severityKey = "severity"
	messageKey  = "message"
	traceKey    = "logging.googleapis.com/trace"
	spanKey     = "logging.googleapis.com/spanId"
	sampledKey  = "logging.googleapis.com/trace_sampled"
)

func jsonHandler(w io.Writer, level slog.Leveler) slog.Handler {
	return slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level, ReplaceAttr: cloudField})
}

// cloudField renames slog's own fields. Attributes inside groups are left.
func cloudField(groups []string, a slog.Attr) slog.Attr {
	if len(groups) > 0 {
		return a
	}
	switch a.Key {
	case slog.LevelKey:
		if level, ok := a.Value.Any().(slog.Level); ok {
			return slog.String(severityKey, severity(level))
		}
	case slog.MessageKey:
		a.Key = messageKey
	case slog.TimeKey:
		if a.Value.Kind() == slog.KindTime {
			a.Value = slog.StringValue(a.Value.Time().UTC().Format(time.RFC3339Nano))
		}
	}
	return a
}

// severity returns Cloud Logging's name of a level.
func severity(l slog.Level) string {
	switch {
	case l < slog.LevelInfo:
		return "DEBUG"
	case l < slog.LevelWarn:
		return "INFO"
	case l < slog.LevelError:
		return "WARNING"
	case l < slog.LevelError+4:
		return "ERROR"
	default:
		return "CRITICAL"
	}
}

// traced adds the trace and span of the context to every record, at its top
// level even when the logger has open groups.
type traced struct {
	inner  slog.Handler
	prefix string // before the trace id

	// root is the handler before the first group, and since what was done to it
	// from there on; nil while there is no group.
	root  slog.Handler
	since []func(slog.Handler) slog.Handler
}

// Enabled implements slog.Handler.
func (t *traced) Enabled(ctx context.Context, l slog.Level) bool { return t.inner.Enabled(ctx, l) }

// Handle implements slog.Handler.
func (t *traced) Handle(ctx context.Context, r slog.Record) error {
	span := trace.SpanContextFromContext(ctx)
	if !span.IsValid() {
		return t.inner.Handle(ctx, r)
	}
	fields := []slog.Attr{
		slog.String(traceKey, t.prefix+span.TraceID().String()),
		slog.String(spanKey, span.SpanID().String()),
		slog.Bool(sampledKey, span.IsSampled()),
	}
	if len(t.since) == 0 {
		r = r.Clone()
		r.AddAttrs(fields...)
		return t.inner.Handle(ctx, r)
	}
	h := t.root.WithAttrs(fields)
	for _, step := range t.since {
		h = step(h)
	}
	return h.Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (t *traced) WithAttrs(attrs []slog.Attr) slog.Handler {
	return t.with(len(t.since) > 0, func(h slog.Handler) slog.Handler { return h.WithAttrs(attrs) })
}

// WithGroup implements slog.Handler.
func (t *traced) WithGroup(name string) slog.Handler {
	return t.with(name != "", func(h slog.Handler) slog.Handler { return h.WithGroup(name) })
}

func (t *traced) with(grouped bool, step func(slog.Handler) slog.Handler) slog.Handler {
	next := *t
	next.inner = step(t.inner)
	if grouped {
		next.since = append(slices.Clip(t.since), step)
	} else {
		next.root = next.inner
	}
	return &next
}
