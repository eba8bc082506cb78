package engineio

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// wired is a server on pipes: what a client writes has been read when Write returns.
func wired(f *testing.F, opts Options) (*rig, chan net.Conn) {
	f.Helper()
	r := &rig{accepted: make(chan *recorder, 64)}
	r.Server = NewServer(opts, func(s *Session) Handler {
		h := &recorder{session: s, closed: make(chan Reason, 1)}
		r.accepted <- h
		return h
	})
	listener := &pipes{conns: make(chan net.Conn), done: make(chan struct{})}
	web := &http.Server{Handler: r.Server}
	served := make(chan struct{})
	go func() { // ends with the listener
		defer close(served)
		_ = web.Serve(listener)
	}()
	f.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := r.Shutdown(ctx, 0); err != nil {
			f.Errorf("shut down: %v", err)
		}
		_ = web.Close()
		<-served
	})
	return r, listener.conns
}

// FuzzStream: whatever bytes follow a handshake, the session ends with its connection
// and with a reason, and its handler got nothing that the client did not send: neither
// more bytes nor text that is not UTF-8.
func FuzzStream(f *testing.F) {
	for _, frames := range [][][]byte{
		{mask(finText, "4hello"), mask(finBinary, "\x00\xff"), mask(finClose, "\x03\xe8")},
		{mask(0x01, "4a"), mask(0x89, "now"), mask(0x80, "b"), mask(finText, "3")},
		{mask(0xc1, "4x")}, {unmasked(finText, "4x")}, {claimed(finText, 1<<63)}, {mask(finText, "4\xff")},
		{mask(finText, "2probe")}, {mask(finText, "1")}, {mask(finText, "")}, {mask(0x89, strings.Repeat("x", 126))},
	} {
		var stream []byte
		for _, b := range frames {
			stream = append(stream, b...)
		}
		f.Add(stream)
	}
	r, conns := wired(f, Options{MaxPayload: 4096})
	f.Fuzz(func(t *testing.T, stream []byte) {
		here, there := net.Pipe()
		conns <- there
		c := upgraded(t, here, "EIO=4&transport=websocket")
		c.text(t) // the open packet
		h := r.next(t)
		drained := make(chan struct{})
		go func() { // ends with the connection
			defer close(drained)
			for {
				if _, _, err := c.frame(); err != nil {
					return
				}
			}
		}()
		_ = c.SetDeadline(time.Now().Add(patience))
		_, _ = c.Write(stream) // the server may have ended it
		c.Close()
		<-drained
		if why := h.reason(t); why == "" {
			t.Error("closed for no reason")
		}
		got := 0
		for _, message := range h.all() {
			got += len(message)
		}
		if got > len(stream) {
			t.Errorf("%d bytes became messages of %d", len(stream), got)
		}
		h.mu.Lock()
		defer h.mu.Unlock()
		for i, message := range h.messages {
			if !h.binary[i] && !utf8.ValidString(message) {
				t.Errorf("text %q is not UTF-8", message)
			}
		}
	})
}

// FuzzClientAddress: whatever a client puts before what our own proxy appends, it has
// the address that the proxy saw.
func FuzzClientAddress(f *testing.F) {
	f.Add("1.1.1.1, 2.2.2.2", "203.0.113.9")
	f.Add("", "[2001:db8::1]:99")
	f.Add(",,", "unknown")
	f.Fuzz(func(t *testing.T, claimed, seen string) {
		if strings.Contains(seen, ",") {
			return // proxies append one address
		}
		request := func(forwarded ...string) *http.Request {
			return &http.Request{Header: http.Header{"X-Forwarded-For": forwarded}, RemoteAddr: "192.0.2.1:1"}
		}
		want := clientAddress(request(seen), 1)
		for _, r := range []*http.Request{request(claimed + "," + seen), request(claimed, seen)} {
			if got := clientAddress(r, 1); got != want {
				t.Errorf("address %s with %q before %q, want %s", got, claimed, seen, want)
			}
		}
		if want.Is6() && netip.PrefixFrom(want, networkBits).Masked().Addr() != want {
			t.Errorf("%s is more than a network", want)
		}
	})
}
