package web

import (
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Options of Stack.
type Options struct {
	Logger   *slog.Logger             // slog.Default() when nil
	Registry prometheus.Registerer    // no access metrics when nil
	NoTrace  func(*http.Request) bool // requests without a span, such as probes and sockets; nil: all have one
}

// Stack wraps a service's routes with what every request gets, outermost first:
// logger, headers, body time, recover, framing, methods, trace span, access metrics.
func Stack(o Options, routes http.Handler) http.Handler {
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	return Chain(routes,
		withLogger(o.Logger), Headers(), Body(BodyTime), Recover(o.Logger), Framing(), Methods(), Trace(o.NoTrace), Access(o.Registry))
}

func withLogger(log *slog.Logger) Middleware {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			next.ServeHTTP(w, r.WithContext(WithLogger(r.Context(), log)))
		})
	}
}

// Access counts requests and their time by route pattern, so that the number of
// series does not depend on what callers send. A nil registry means none.
func Access(reg prometheus.Registerer) Middleware {
	if reg == nil {
		return func(next http.Handler) http.Handler { return next }
	}
	labels := []string{"route", "method", "status"}
	seconds := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "http_request_duration_seconds",
		Help:    "Time from the handler's start to its end, by route, method and status class.",
		Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10},
	}, labels)
	inFlight := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "http_requests_in_flight", Help: "Requests that are being answered, long polls included.",
	})
	refused := map[int]prometheus.Counter{}
	for _, status := range []int{http.StatusTooManyRequests, http.StatusServiceUnavailable} {
		refused[status] = prometheus.NewCounter(prometheus.CounterOpts{
			Name: "http_refused_total", Help: "Requests refused for the moment: 429, the caller's limit, or 503, busy or away.",
			ConstLabels: prometheus.Labels{"status": strconv.Itoa(status)},
		})
		reg.MustRegister(refused[status])
	}
	reg.MustRegister(seconds, inFlight)
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			rec, start := record(w), time.Now()
			inFlight.Inc()
			panicked := true
			defer func() {
				inFlight.Dec()
				if c := refused[rec.status]; c != nil {
					c.Inc()
				}
				seconds.WithLabelValues(route(r), r.Method, class(rec.status, panicked)).Observe(time.Since(start).Seconds())
			}()
			next.ServeHTTP(rec, r)
			panicked = false
		})
	}
}

// route is the pattern that matched; ServeMux leaves it in the request.
func route(r *http.Request) string {
	if r.Pattern == "" {
		return "none"
	}
	return r.Pattern
}

func class(status int, panicked bool) string {
	if status == 0 {
		if panicked {
			return "5xx"
		}
		return "2xx" // net/http sends 200 for a handler that wrote nothing
	}
	return strconv.Itoa(status/100) + "xx"
}
