package telemetry

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"unicode"

	"github.com/lmittmann/tint"
)

// textHandler writes for people. tint writes messages, and on a terminal escape
// sequences, as they are; here neither can start a line or paint it.
func textHandler(w io.Writer, level slog.Leveler) slog.Handler {
	return plain{tint.NewTextHandler(w, &tint.Options{
		Level: level, TimeFormat: "15:04:05.000", NoColor: !colour(w),
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			a.Value = clean(a.Value)
			return a
		},
	})}
}

// colour is for terminals, unless NO_COLOR says otherwise (no-color.org).
func colour(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok || os.Getenv("NO_COLOR") != "" {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// plain escapes control characters in messages.
type plain struct{ slog.Handler }

// Handle implements slog.Handler.
func (p plain) Handle(ctx context.Context, r slog.Record) error {
	r.Message = escaped(r.Message)
	return p.Handler.Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (p plain) WithAttrs(attrs []slog.Attr) slog.Handler { return plain{p.Handler.WithAttrs(attrs)} }

// WithGroup implements slog.Handler.
func (p plain) WithGroup(name string) slog.Handler { return plain{p.Handler.WithGroup(name)} }

func clean(v slog.Value) slog.Value {
	switch v.Kind() {
	case slog.KindString:
		return slog.StringValue(escaped(v.String()))
	case slog.KindAny:
		switch v.Any().(type) {
		case error, fmt.Stringer, []byte:
			if s := fmt.Sprintf("%s", v.Any()); hasControl(s) {
				return slog.StringValue(escaped(s))
			}
		}
	}
	return v
}

func hasControl(s string) bool { return strings.ContainsFunc(s, unicode.IsControl) }

// escaped returns s with \n and the like for control characters.
func escaped(s string) string {
	if !hasControl(s) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if unicode.IsControl(r) {
			q := strconv.QuoteRuneToASCII(r)
			b.WriteString(q[1 : len(q)-1])
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}
