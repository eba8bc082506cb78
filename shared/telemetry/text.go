package telemetry

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"unicode"

	"github.com/lmittmann/tint"
)

// textHandler writes for people. On a terminal tint passes control characters
// on; here no text, the message included, can start a line or paint it.
func textHandler(w io.Writer, level slog.Leveler) slog.Handler {
	return tint.NewTextHandler(w, &tint.Options{
		Level: level, TimeFormat: "15:04:05.000", NoColor: !colour(w),
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			a.Value = clean(a.Value)
			return a
		},
	})
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
