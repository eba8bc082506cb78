package engineio

import (
	"net/http"
	"time"

	"github.com/gorilla/websocket"
)

// probe is what the client's ping carries, and the answer, before an upgrade.
const probe = "probe"

// probeWait is how long a GET waits once the client has probed: long enough for
// an upgrade that is on its way to come first.
const probeWait = 50 * time.Millisecond

// serveWebsocket serves a websocket handshake that names a session: it may take
// over from polling. A session that has a websocket, or is about to get one,
// keeps it, and the new one is closed.
func (srv *Server) serveWebsocket(w http.ResponseWriter, r *http.Request, id string) {
	s := srv.lookup(id)
	switch {
	case s == nil:
		refuse(w, errUnknownSession)
		return
	case !websocket.IsWebSocketUpgrade(r):
		refuse(w, errBadRequest)
		return
	case !srv.enter():
		refuse(w, errDraining)
		return
	}
	defer srv.pending.Done()
	t, err := srv.upgrade(w, r, nil)
	if err != nil {
		return
	}
	srv.group.Go(func() { // ends with the takeover, or with the websocket
		if p := s.poller; p == nil || !p.takeover(t) {
			t.end(ForcedServerClose, false)
			t.finish()
		}
	})
}

// takeover speaks with a websocket that asks to replace polling, for at most
// UpgradeTimeout, and reports whether the session has it now. If not, polling
// goes on.
func (p *poller) takeover(t *socket) bool {
	s := p.session
	_ = t.conn.SetReadDeadline(time.Now().Add(s.server.opts.UpgradeTimeout))
	if !p.propose(t) {
		return false
	}
	for {
		packet, err := t.read()
		switch {
		case err != nil:
			t.blame(err)
		case packet.kind == packetPing && string(packet.data) == probe:
			t.send(textFrame(string(packetPong) + probe))
			p.probe()
			continue
		case packet.kind == packetUpgrade && p.replace(t):
			return true
		}
		p.withdraw()
		return false
	}
}

// propose makes t the candidate unless there is one, or polling is over.
func (p *poller) propose(t *socket) bool {
	s := p.session
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.why != "" || s.wire != p || p.candidate != nil {
		return false
	}
	p.candidate = t
	return true
}

func (p *poller) withdraw() {
	s := p.session
	s.mu.Lock()
	defer s.mu.Unlock()
	p.candidate, p.probed = nil, false
}

// probe lets the client's GET end: the client waits for it before it upgrades.
func (p *poller) probe() {
	s := p.session
	s.mu.Lock()
	defer s.mu.Unlock()
	p.probed = true
	if p.get != nil {
		p.answer(noop)
	}
}

// replace makes the websocket the session's transport, with all that waited for
// a GET, and hands it to the session's goroutine.
func (p *poller) replace(t *socket) bool {
	s := p.session
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.why != "" || p.halted {
		return false
	}
	if p.get != nil {
		p.answer(answer{refusal: errBadRequest}) // like every GET from now on
	}
	_ = t.conn.SetReadDeadline(time.Time{})
	if len(p.queue) > 0 {
		t.send(&Frame{wire: p.queue})
	}
	p.queue, p.large, p.candidate = nil, 0, nil
	s.wire = t
	p.upgraded <- t // has room for this one
	return true
}
