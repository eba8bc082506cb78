package health

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"net/http"
	"strings"
)

// Live answers as long as the process can.
func (h *Health) Live() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		write(w, http.StatusOK, struct {
			Live   bool  `json:"live"`
			Uptime int64 `json:"uptime"`
		}{true, h.uptime()})
	})
}

// Ready answers 200 when the container takes traffic, else 503 with a reason
// code.
func (h *Health) Ready() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.await(r.Context(), func(c *component) bool { return c.Ready })
		ready, reason := h.readiness()
		status := http.StatusOK
		if !ready {
			status = http.StatusServiceUnavailable
		}
		write(w, status, readyDocument{ready, reason, h.uptime()})
	})
}

// Health answers with all components, for the public: figures and codes, no
// texts. 200 for healthy and degraded, 503 for unhealthy. Who shows Options.Token as a
// bearer token gets the answer of Detail; another token is no error, for a probe must
// not fail by it.
func (h *Health) Health() http.Handler { return h.document(h.trusts) }

// Detail is Health with hosts and error texts, for the internal listener.
func (h *Health) Detail() http.Handler {
	return h.document(func(*http.Request) bool { return true })
}

// trusts reports whether the request shows the token. The time that this takes tells
// nothing about it, nor about its length.
func (h *Health) trusts(r *http.Request) bool {
	shown, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok || h.options.Token == "" {
		return false
	}
	got, want := sha256.Sum256([]byte(shown)), sha256.Sum256([]byte(h.options.Token))
	return subtle.ConstantTimeCompare(got[:], want[:]) == 1
}

func (h *Health) document(all func(*http.Request) bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.await(r.Context(), func(*component) bool { return true })
		d := h.Document()
		status := http.StatusOK
		if d.Status == Unhealthy {
			status = http.StatusServiceUnavailable
		}
		if !all(r) {
			d = d.public()
		}
		write(w, status, d)
	})
}

func write(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil { // a check's details hold something without a JSON form
		status, body = http.StatusInternalServerError, []byte(`{"status":"unhealthy","reason":"details_unreadable"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(body) // the prober may be gone
}
