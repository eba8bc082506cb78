package web

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
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

// security are the headers of every reply (OWASP Secure Headers), by their
// canonical names. The slices are shared by all replies and have no room, so
// that an Add copies them.
var security = map[string][]string{
	"Strict-Transport-Security":    {"max-age=31536000; includeSubDomains"},
	"Content-Security-Policy":      {"default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"},
	"X-Content-Type-Options":       {"nosniff"},
	"X-Frame-Options":              {"DENY"},
	"Referrer-Policy":              {"no-referrer"},
	"Cross-Origin-Resource-Policy": {"same-site"},
}

// Headers sets the security headers of every reply: nothing we answer may be
// framed, sniffed, or run as a page. A handler that serves a page sets its own
// Content-Security-Policy over this one.
func Headers() Middleware {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			maps.Copy(w.Header(), security)
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
					WriteProblem(rec, r, problem.Of(problem.Internal, "The server could not answer this request."))
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
				WriteProblem(w, r, problem.Of(problem.MethodNotAllowed, "This method is not used here."))
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
				// net/http lifts it at the body's end. A writer that has no
				// deadline is not a connection.
				_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(limit))
			}
			next.ServeHTTP(w, r)
		})
	}
}
