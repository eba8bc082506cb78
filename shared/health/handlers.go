package health

import (
	"encoding/json"
	"net/http"
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
// texts. 200 for healthy and degraded, 503 for unhealthy.
func (h *Health) Health() http.Handler { return h.document(Document.public) }

// Detail is Health with hosts and error texts, for the internal listener.
func (h *Health) Detail() http.Handler {
	return h.document(func(d Document) Document { return d })
}

func (h *Health) document(view func(Document) Document) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.await(r.Context(), func(*component) bool { return true })
		d := h.Document()
		status := http.StatusOK
		if d.Status == Unhealthy {
			status = http.StatusServiceUnavailable
		}
		write(w, status, view(d))
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
