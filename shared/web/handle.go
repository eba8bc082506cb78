package web

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"

	"github.com/vegascore/vegascore/shared/problem"
)

// HandlerFunc is a handler that returns why it could not answer. It returns an
// error only if it has not written anything yet.
type HandlerFunc func(w http.ResponseWriter, r *http.Request) error

// ServeHTTP implements http.Handler: an error becomes a problem document, and
// 5xx ones are logged here, once, with the reason that the caller does not see.
func (f HandlerFunc) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	rec := record(w)
	err := f(rec, r)
	if err == nil {
		return
	}
	p := problem.From(err)
	if p.Status >= http.StatusInternalServerError && r.Context().Err() == nil {
		level := slog.LevelWarn // the house is busy or draining
		if p.Code == problem.Internal {
			level = slog.LevelError
		}
		Logger(r.Context()).LogAttrs(r.Context(), level, "request failed",
			slog.String("method", r.Method), slog.String("path", r.URL.Path),
			slog.String("code", string(p.Code)), slog.String("error", err.Error()))
	}
	if rec.status != 0 {
		return // the reply has begun: nothing can be said any more
	}
	WriteProblem(rec, r, p)
}

// Handle makes an http.Handler of a function that returns an error.
func Handle(f func(w http.ResponseWriter, r *http.Request) error) http.Handler {
	return HandlerFunc(f)
}

// WriteJSON answers with v as JSON. It fails before anything is written, when v
// has no JSON form. A caller that went away is not an error.
func WriteJSON(w http.ResponseWriter, status int, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode reply: %w", err)
	}
	WriteRaw(w, status, body)
	return nil
}

// WriteRaw answers with a body that is JSON already, byte for byte.
func WriteRaw(w http.ResponseWriter, status int, body []byte) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if h.Get("Cache-Control") == "" {
		h.Set("Cache-Control", "no-store")
	}
	w.WriteHeader(status)
	_, _ = w.Write(body) // the caller may be gone
}

type loggerKey struct{}

// WithLogger returns a context whose requests are logged to l. Stack does this
// for every request.
func WithLogger(ctx context.Context, l *slog.Logger) context.Context {
	return context.WithValue(ctx, loggerKey{}, l)
}

// Logger returns the logger of the request whose context ctx is.
func Logger(ctx context.Context) *slog.Logger {
	if l, ok := ctx.Value(loggerKey{}).(*slog.Logger); ok {
		return l
	}
	return slog.Default()
}
