package health

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"net/http"
	"strings"
	"time"
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
		e := h.encoded(all(r))
		send(w, e.status, e.body)
	})
}

// fresh is how long an encoded document is sent again: a storm of probes then costs one
// encoding in that time, and ages are off by no more.
const fresh = 20 * time.Millisecond

// encoding is a document as it is sent. It is never changed.
type encoding struct {
	at     time.Time
	runs   int64 // that had ended when it was made
	status int
	body   []byte
}

// encoded returns the document, all of it or what is public.
func (h *Health) encoded(all bool) *encoding {
	cache := &h.public
	if all {
		cache = &h.whole
	}
	runs := h.runs.Load() // before the results are read: a later one shows in the next answer
	if e := cache.Load(); e != nil && e.runs == runs && time.Since(e.at) < fresh {
		return e
	}
	d := h.Document()
	e := &encoding{at: time.Now(), runs: runs, status: http.StatusOK}
	if d.Status == Unhealthy {
		e.status = http.StatusServiceUnavailable
	}
	if !all {
		d = d.public()
	}
	e.status, e.body = encode(e.status, d)
	cache.Store(e)
	return e
}

func write(w http.ResponseWriter, status int, v any) {
	status, body := encode(status, v)
	send(w, status, body)
}

func encode(status int, v any) (int, []byte) {
	body, err := json.Marshal(v)
	if err != nil { // a check's details hold something without a JSON form
		return http.StatusInternalServerError, []byte(`{"status":"unhealthy","reason":"details_unreadable"}`)
	}
	return status, body
}

func send(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(body) // the prober may be gone
}
