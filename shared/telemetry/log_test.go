package telemetry

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/trace"
)

const parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

// record logs once and returns the only line as fields.
func record(t *testing.T, project string, log func(*slog.Logger)) map[string]any {
	t.Helper()
	var out bytes.Buffer
	log(newLogger(&out, "actions", project, slog.LevelDebug, true))
	line, rest, _ := strings.Cut(out.String(), "\n")
	if line == "" || rest != "" {
		t.Fatalf("not one line: %q", out.String())
	}
	var fields map[string]any
	if err := json.Unmarshal([]byte(line), &fields); err != nil {
		t.Fatalf("%q: %v", line, err)
	}
	stamp, _ := fields["time"].(string)
	if _, err := time.Parse(time.RFC3339Nano, stamp); err != nil || !strings.HasSuffix(stamp, "Z") {
		t.Errorf("time = %q, want RFC 3339 in UTC", stamp)
	}
	delete(fields, "time")
	return fields
}

func TestRecordsHaveCloudLoggingFields(t *testing.T) {
	t.Parallel()
	ctx := WithTraceparent(context.Background(), parent)
	tests := []struct {
		name    string
		project string
		log     func(*slog.Logger)
		want    map[string]any
	}{
		{"plain", "", func(l *slog.Logger) { l.Info("round settled", "round_id", 7) },
			map[string]any{"severity": "INFO", "message": "round settled", "service": "actions", "round_id": 7.0}},
		{"with a span", "casino", func(l *slog.Logger) { l.WarnContext(ctx, "slow") },
			map[string]any{"severity": "WARNING", "message": "slow", "service": "actions",
				traceKey: "projects/casino/traces/4bf92f3577b34da6a3ce929d0e0e4736", spanKey: "00f067aa0ba902b7", sampledKey: true}},
		{"with a span, no project", "", func(l *slog.Logger) { l.ErrorContext(ctx, "lost") },
			map[string]any{"severity": "ERROR", "message": "lost", "service": "actions",
				traceKey: "4bf92f3577b34da6a3ce929d0e0e4736", spanKey: "00f067aa0ba902b7", sampledKey: true}},
		{"in a group", "", func(l *slog.Logger) {
			l.With("a", 1).WithGroup("g").With("level", "high").InfoContext(ctx, "x", "time", "noon")
		},
			map[string]any{"severity": "INFO", "message": "x", "service": "actions", "a": 1.0,
				"g":      map[string]any{"level": "high", "time": "noon"},
				traceKey: "4bf92f3577b34da6a3ce929d0e0e4736", spanKey: "00f067aa0ba902b7", sampledKey: true}},
		{"levels", "", func(l *slog.Logger) { l.Log(context.Background(), slog.LevelError+4, "dead") },
			map[string]any{"severity": "CRITICAL", "message": "dead", "service": "actions"}},
		{"debug", "", func(l *slog.Logger) { l.Debug("d") },
			map[string]any{"severity": "DEBUG", "message": "d", "service": "actions"}},
		{"our names as attributes", "", func(l *slog.Logger) { l.Info("x", "level", "high", "msg", "m") },
			map[string]any{"severity": "INFO", "message": "m", "service": "actions", "level": "high"}},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, record(t, tt.project, tt.log)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

func TestARecordIsOneLineWhateverItHolds(t *testing.T) {
	t.Parallel()
	const evil = "x\r\n{\"severity\":\"CRITICAL\"}\n\x1b[31m\u2028\u0085"
	log := func(l *slog.Logger) {
		l.With("name", evil).WithGroup("g").Info(evil, "text", evil, "error", errors.New(evil), "stringer", stringer(evil), "bytes", []byte(evil))
	}
	var out bytes.Buffer
	log(newLogger(&out, "actions", "", slog.LevelInfo, true))
	log(newLogger(&out, "actions", "", slog.LevelInfo, false))
	if n := strings.Count(out.String(), "\n"); n != 2 {
		t.Errorf("2 records are %d lines:\n%s", n, out.String())
	}
	for _, bad := range []string{"\r", "\x1b", "\u0085"} {
		if strings.Contains(strings.Split(out.String(), "\n")[1], bad) {
			t.Errorf("the text form holds %q", bad)
		}
	}
}

type stringer string

func (s stringer) String() string { return string(s) }

func TestTextFormIsForPeople(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	Config{Service: "realtime", LogFormat: "text"}.NewLogger(&out).Info("socket joined", "room", "table:dice-1")
	if got := out.String(); !strings.Contains(got, "INF socket joined service=realtime room=table:dice-1\n") {
		t.Errorf("got %q", got)
	}
}

func TestLevelIsHeeded(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"json", "text"} {
		var out bytes.Buffer
		l := Config{LogFormat: format, LogLevel: slog.LevelWarn}.NewLogger(&out)
		l.Info("no")
		if out.Len() != 0 || l.Enabled(context.Background(), slog.LevelInfo) {
			t.Errorf("%s: INFO was written at level WARN: %s", format, out.String())
		}
	}
}

func TestTraceparentCrossesProcesses(t *testing.T) {
	t.Parallel()
	ctx := WithTraceparent(context.Background(), parent)
	if got := Traceparent(ctx); got != parent {
		t.Errorf("Traceparent = %q, want %q", got, parent)
	}
	if !trace.SpanContextFromContext(ctx).IsRemote() {
		t.Error("the span is taken for one of this process")
	}
	for _, bad := range []string{"", "00", strings.Replace(parent, "4bf92f", "zzzzzz", 1), "00-00000000000000000000000000000000-00f067aa0ba902b7-01", strings.Repeat("0", 1<<16)} {
		if got := Traceparent(WithTraceparent(context.Background(), bad)); got != "" {
			t.Errorf("a bad traceparent %.60q became %q", bad, got)
		}
	}
	if got := Traceparent(WithTraceparent(ctx, "junk")); got != parent {
		t.Errorf("junk replaced the span that was there: %q", got)
	}
}
