package engineio

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"time"
)

// servePolling serves a polling request of an existing session.
func (srv *Server) servePolling(w http.ResponseWriter, r *http.Request, id string) {
	s := srv.lookup(id)
	switch {
	case s == nil || s.closed() != "":
		srv.serveLate(w, r, id)
	case s.poller == nil:
		refuse(w, errBadRequest)
	case r.Method == http.MethodGet:
		s.poller.serveGet(w, r)
	case r.Method == http.MethodPost:
		s.poller.servePost(w, r)
	default:
		refuse(w, errBadRequest)
	}
}

// serveLate answers a request for a session that is closed or never was.
func (srv *Server) serveLate(w http.ResponseWriter, r *http.Request, id string) {
	if r.Method == http.MethodGet {
		if payload, ok := srv.fetch(id); ok {
			_ = srv.writePayload(w, r, payload) // the session is over either way
			return
		}
	}
	refuse(w, errUnknownSession)
}

// serveGet answers with what waits, or with the next frames that are sent.
func (p *poller) serveGet(w http.ResponseWriter, r *http.Request) {
	s := p.session
	s.mu.Lock()
	switch {
	case s.why != "":
		s.mu.Unlock()
		s.server.serveLate(w, r, s.id)
		return
	case s.wire != p:
		s.mu.Unlock()
		refuse(w, errBadRequest)
		return
	case p.get != nil:
		s.mu.Unlock()
		p.breach(w)
		return
	}
	if len(p.queue) > 0 {
		payload := p.taken()
		s.mu.Unlock()
		p.deliver(w, r, answer{payload: payload})
		return
	}
	get := make(chan answer, 1)
	p.get = get
	var patience <-chan time.Time
	if p.probed {
		patience = time.After(probeWait)
	}
	s.mu.Unlock()
	select {
	case a := <-get:
		p.deliver(w, r, a)
	case <-patience:
		p.deliver(w, r, p.recall(get))
	case <-r.Context().Done(): // the client gave up; what it missed is lost
		p.recall(get)
		s.Close(TransportError)
	}
}

// recall ends the wait of a GET, which gets nothing new, unless it was answered
// in the meantime.
func (p *poller) recall(get chan answer) answer {
	p.session.mu.Lock()
	defer p.session.mu.Unlock()
	if p.get != get {
		return <-get
	}
	p.get = nil
	return noop
}

// breach answers a request that the protocol forbids and closes the session.
func (p *poller) breach(w http.ResponseWriter) {
	p.session.Close(TransportError)
	w.WriteHeader(http.StatusBadRequest)
}

// servePost takes the client's packets and answers when the session has dealt
// with them.
func (p *poller) servePost(w http.ResponseWriter, r *http.Request) {
	s := p.session
	if strings.HasPrefix(r.Header.Get("Content-Type"), "application/octet-stream") {
		p.breach(w) // version 3 of the protocol
		return
	}
	if refusal, ok := p.beginPost(); !ok {
		if refusal == nil {
			p.breach(w)
		} else {
			refuse(w, refusal)
		}
		return
	}
	defer p.endPost()
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, int64(s.server.opts.MaxPayload)))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		w.WriteHeader(http.StatusRequestEntityTooLarge)
		return
	case err != nil:
		s.Close(TransportError)
		return
	}
	content, err := decodePayload(body)
	if err != nil {
		s.Close(ParseError)
		refuse(w, errBadRequest)
		return
	}
	b := batch{payload: content, done: make(chan struct{})}
	select {
	case p.inbox <- b:
	case <-p.left:
		refuse(w, errBadRequest)
		return
	}
	<-b.done
	h := w.Header()
	h.Set("Content-Type", "text/html") // plain text makes some browsers offer a download
	h.Set("Cache-Control", "no-store")
	_, _ = io.WriteString(w, "ok")
}

// beginPost reports whether a POST may go on. If not, it returns how to refuse
// it, or nil when another one is under way.
func (p *poller) beginPost() (*Refusal, bool) {
	s := p.session
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.why != "":
		return errUnknownSession, false
	case s.wire != p:
		return errBadRequest, false
	case p.posting:
		return nil, false
	}
	p.posting = true
	return nil, true
}

func (p *poller) endPost() {
	p.session.mu.Lock()
	defer p.session.mu.Unlock()
	p.posting = false
}
