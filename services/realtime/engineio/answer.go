package engineio

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	// compressFrom is the size in bytes from which an answer is compressed.
	compressFrom = 1024
	// writePiece is how much of an answer is written under one deadline, in bytes.
	writePiece = 32 << 10
)

// compressors holds *gzip.Writer. One is some 800 KiB, so no answer keeps one
// while its client takes it.
var compressors = sync.Pool{New: func() any { return gzip.NewWriter(nil) }}

// deliver answers a GET. A client that does not take the answer has lost what
// is in it, so its session ends.
func (p *poller) deliver(w http.ResponseWriter, r *http.Request, a answer) {
	if a.refusal != nil {
		refuse(w, a.refusal)
		return
	}
	p.write(len(a.payload))
	defer p.write(-len(a.payload))
	if err := p.session.server.writePayload(w, r, a.payload); err != nil {
		p.session.Close(TransportError)
	}
}

// write counts bytes that the client is about to take, or has taken.
func (p *poller) write(n int) {
	p.session.mu.Lock()
	defer p.session.mu.Unlock()
	p.writing += n
}

// writePayload answers a GET. The client has StallTimeout for every writePiece,
// as a websocket has; the request may have waited for longer than the server's
// own write timeout.
func (srv *Server) writePayload(w http.ResponseWriter, r *http.Request, payload []byte) error {
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=UTF-8")
	h.Set("Cache-Control", "no-store")
	if len(payload) >= compressFrom && acceptsGzip(r) {
		h.Set("Content-Encoding", "gzip")
		h.Add("Vary", "Accept-Encoding")
		payload = compress(payload)
	}
	h.Set("Content-Length", strconv.Itoa(len(payload)))
	control := http.NewResponseController(w)
	for len(payload) > 0 {
		piece := payload[:min(len(payload), writePiece)]
		payload = payload[len(piece):]
		_ = control.SetWriteDeadline(time.Now().Add(srv.opts.StallTimeout))
		if _, err := w.Write(piece); err != nil {
			return fmt.Errorf("answer a poll: %w", err)
		}
	}
	// What net/http still holds is written now, so that its error is seen.
	if err := control.Flush(); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return fmt.Errorf("answer a poll: %w", err)
	}
	return nil
}

// compress returns the gzip form of b.
func compress(b []byte) []byte {
	var out bytes.Buffer
	z := compressors.Get().(*gzip.Writer)
	defer compressors.Put(z)
	z.Reset(&out)
	_, _ = z.Write(b) // a bytes.Buffer takes everything
	_ = z.Close()
	return out.Bytes()
}

func acceptsGzip(r *http.Request) bool {
	for _, line := range r.Header.Values("Accept-Encoding") {
		for part := range strings.SplitSeq(line, ",") {
			name, weight, _ := strings.Cut(part, ";")
			if strings.EqualFold(strings.TrimSpace(name), "gzip") {
				zero := strings.Trim(strings.TrimPrefix(strings.TrimSpace(weight), "q="), "0.") == ""
				return weight == "" || !zero
			}
		}
	}
	return false
}
