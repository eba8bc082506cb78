package web

import (
	"bufio"
	"net"
	"net/http"
)

// recorder remembers what was answered. It is made once per request, by the
// outermost middleware, and passes Flush and Hijack on, so that websockets work
// through it.
type recorder struct {
	http.ResponseWriter
	status int // 0 until the reply begins, 101 after a hijack
	bytes  int64
}

// record returns w's recorder, and makes one if there is none.
func record(w http.ResponseWriter) *recorder {
	if rec, ok := w.(*recorder); ok {
		return rec
	}
	return &recorder{ResponseWriter: w}
}

// WriteHeader implements http.ResponseWriter. Informational replies (1xx) do
// not begin the reply.
func (r *recorder) WriteHeader(status int) {
	if r.status == 0 && (status >= http.StatusOK || status == http.StatusSwitchingProtocols) {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

// Write implements io.Writer.
func (r *recorder) Write(p []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	n, err := r.ResponseWriter.Write(p)
	r.bytes += int64(n)
	return n, err
}

// Flush implements http.Flusher.
func (r *recorder) Flush() {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	_ = http.NewResponseController(r.ResponseWriter).Flush() // not every writer can
}

// Hijack implements http.Hijacker. The connection is the listener's own: the
// guard that Serve put around it ends here.
func (r *recorder) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buf, err := http.NewResponseController(r.ResponseWriter).Hijack()
	if err == nil {
		r.status = http.StatusSwitchingProtocols
		conn = unguard(conn)
	}
	return conn, buf, err
}

// Unwrap serves http.ResponseController.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
