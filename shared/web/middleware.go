package web

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/vegascore/vegascore/shared/problem"
)

// Middleware wraps a handler.
type Middleware func(http.Handler) http.Handler

// Chain wraps h so that the first middleware sees a request first.
func Chain(h http.Handler, all ...Middleware) http.Handler {
	for i := len(all) - 1; i >= 0; i-- {
		h = all[i](h)
	}
	return h
}

// Headers sets the security headers of every reply (OWASP Secure Headers):
// nothing we answer may be framed, sniffed, or run as a page. A handler that
// serves a page sets its own Content-Security-Policy over this one.
func Headers() Middleware {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			h := w.Header()
			h.Set("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
			h.Set("Content-Security-Policy", "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
			h.Set("X-Content-Type-Options", "nosniff")
			h.Set("X-Frame-Options", "DENY")
			h.Set("Referrer-Policy", "no-referrer")
			h.Set("Cross-Origin-Resource-Policy", "same-site")
			next.ServeHTTP(w, r)
		})
	}
}

// Recover answers a panic with 500 internal and logs it with its stack. Other
// requests live on. If the reply had begun, its connection is cut, so that the
// caller does not take half an answer for a whole one.
func Recover(log *slog.Logger) Middleware {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			rec := record(w)
			defer func() {
				cause := recover()
				if cause == nil {
					return
				}
				if err, ok := cause.(error); ok && errors.Is(err, http.ErrAbortHandler) {
					panic(http.ErrAbortHandler)
				}
				log.LogAttrs(r.Context(), slog.LevelError, "handler panicked",
					slog.String("method", r.Method), slog.String("path", r.URL.Path),
					slog.String("panic", fmt.Sprint(cause)), slog.String("stack", string(debug.Stack())))
				switch rec.status {
				case 0:
					problem.Write(rec, r, problem.Of(problem.Internal, "The server could not answer this request."))
				case http.StatusSwitchingProtocols: // the connection is the handler's, no longer ours
				default:
					panic(http.ErrAbortHandler)
				}
			}()
			next.ServeHTTP(rec, r)
		})
	}
}

// methods are those that a handler may see.
var methods = []string{
	http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut,
	http.MethodPatch, http.MethodDelete, http.MethodOptions,
}

// Methods answers TRACE, CONNECT and invented methods with 405, so that no
// route without a method pattern sees them.
func Methods() Middleware {
	allowed := make(map[string]bool, len(methods))
	for _, m := range methods {
		allowed[m] = true
	}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !allowed[r.Method] {
				w.Header().Set("Allow", strings.Join(methods, ", "))
				problem.Write(w, r, problem.Of(problem.MethodNotAllowed, "This method is not used here."))
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}

// BodyTime is how long a caller may take to send its body.
const BodyTime = 10 * time.Second

// Body bounds the time of a request's body; ReadHeaderTimeout does that for its
// header only, and a server-wide ReadTimeout would also end long polls. Without
// it a body that never comes would hold net/http, which reads what a handler
// has left over.
func Body(limit time.Duration) Middleware {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Body != nil && r.Body != http.NoBody {
				rc := http.NewResponseController(w)
				if rc.SetReadDeadline(time.Now().Add(limit)) == nil {
					r.Body = &timedBody{ReadCloser: r.Body, rc: rc}
				}
			}
			next.ServeHTTP(w, r)
		})
	}
}

// timedBody lifts the deadline when the body is complete: net/http goes on
// reading to see the caller leave, and would take the deadline for that.
type timedBody struct {
	io.ReadCloser
	rc *http.ResponseController
}

// Read implements io.Reader.
func (b *timedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if errors.Is(err, io.EOF) {
		_ = b.rc.SetReadDeadline(time.Time{}) // worked before
	}
	return n, err
}
