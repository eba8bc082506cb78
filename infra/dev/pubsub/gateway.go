package pubsub

import (
	"log/slog"
	"net/http"
	"net/http/httputil"
	"net/url"
)

// Gateway takes the pushes of a server that does not sign, such as Google's
// emulator, adds the token that the subscription asks for and passes them on. The
// paths are /<subscription>. It signs for whoever reaches it: serve it on the
// loopback interface only.
func Gateway(signer *Signer, subscriptions []Subscription, logger *slog.Logger) (http.Handler, error) {
	mux := http.NewServeMux()
	for _, s := range subscriptions {
		target, err := url.Parse(s.Endpoint)
		if err != nil {
			return nil, err
		}
		config := Layout{}.subscription(s).PushConfig
		mux.Handle("POST /"+s.Name, &httputil.ReverseProxy{
			Rewrite: func(r *httputil.ProxyRequest) {
				r.Out.URL, r.Out.Host = target, ""
				r.Out.Header.Del("Authorization")
				if err := signer.sign(r.Out, config); err != nil {
					logger.Error("push not signed", "subscription", s.Name, "error", err) // and refused by the endpoint
				}
			},
			ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
				logger.Warn("push failed", "subscription", s.Name, "endpoint", s.Endpoint, "error", err)
				w.WriteHeader(http.StatusBadGateway) // the server tries again
			},
		})
	}
	return mux, nil
}
