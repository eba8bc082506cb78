package engineio

import "time"

// lateWait is how long a closed polling session waits for the client's next
// request, to hand over its last packets.
const lateWait = 2 * time.Second

// poller is the transport of a session that began with HTTP long-polling: what
// is sent waits for the client's next GET, what the client says comes in POSTs.
// The session's goroutine takes the packets of both and, after an upgrade,
// reads the websocket.
type poller struct {
	session  *Session
	inbox    chan batch    // POSTs hand their packets to the session's goroutine
	upgraded chan *socket  // gets the websocket of a finished upgrade, once
	ended    chan struct{} // closed by halt
	left     chan struct{} // closed when the session's goroutine takes no more batches
	next     *socket       // what follows polling; the session's goroutine's alone

	// Guarded by Session.mu.
	queue     []byte      // frames that wait for a GET
	large     int         // bytes of a frame above the limit with which queue begins
	since     time.Time   // when queue began
	writing   int         // bytes of answers that clients have not taken yet
	get       chan answer // the waiting GET, nil when none waits; with one queue is empty
	posting   bool
	halted    bool
	candidate *socket // the websocket that asks to take over
	probed    bool    // and has sent its probe: GETs are not kept waiting long
}

// answer is what a GET gets: a refusal, or else a payload.
type answer struct {
	refusal *Refusal
	payload []byte
}

var noop = answer{payload: []byte{byte(packetNoop)}}

// batch is the packets of one POST; done is closed when they are dealt with.
type batch struct {
	payload payload
	done    chan struct{}
}

func newPoller(s *Session) *poller {
	return &poller{
		session:  s,
		inbox:    make(chan batch),
		upgraded: make(chan *socket, 1),
		ended:    make(chan struct{}),
		left:     make(chan struct{}),
	}
}

func (p *poller) send(f *Frame) bool {
	switch {
	case p.halted:
		return false
	case p.get != nil:
		p.answer(answer{payload: appendPayload(nil, f.wire)})
	case len(p.queue) > 0 && p.slow(len(f.wire)):
		p.queue, p.large = nil, 0
		p.session.server.opts.tally.slow.Add(1)
		p.halt()
		return false
	default:
		if len(p.queue) == 0 {
			p.since = time.Now()
			if len(f.wire) > p.session.server.opts.QueueLimit {
				p.large = len(f.wire)
			}
		}
		p.queue = append(p.queue, f.wire...)
	}
	return true
}

// slow reports whether a client has left too much waiting to get more bytes, or
// has left it for too long while no upgrade keeps it from asking.
func (p *poller) slow(more int) bool {
	opts := &p.session.server.opts
	return len(p.queue)-p.large+p.writing+more > opts.QueueLimit ||
		p.candidate == nil && time.Since(p.since) > opts.StallTimeout
}

// taken empties the queue for a GET.
func (p *poller) taken() []byte {
	payload := appendPayload(nil, p.queue)
	p.queue, p.large = nil, 0
	return payload
}

func (p *poller) writable() bool { return p.get != nil && !p.halted }

// end answers the waiting GET. Without one, the last packets are kept for a
// client that may still ask: those of a server that closes, and for a client
// that said goodbye the answer to the GET it may have under way.
func (p *poller) end(why Reason, hard bool) {
	if p.candidate != nil {
		p.candidate.end(why, hard)
	}
	last := packetClose
	if why == TransportClose {
		last = packetNoop
	}
	payload := append(appendPayload(nil, p.queue), separator, byte(last))
	if len(p.queue) == 0 {
		payload = payload[1:]
	}
	switch {
	case p.get != nil && why == ServerShuttingDown:
		p.answer(answer{refusal: errDraining}) // the client connects anew, elsewhere
	case p.get != nil:
		p.answer(answer{payload: payload})
	case hard:
	case why == TransportClose || why == ForcedClose || why == ForcedServerClose:
		p.session.server.keep(p.session.id, payload)
	}
	p.queue = nil
	p.halt()
}

// answer needs Session.mu and a waiting GET.
func (p *poller) answer(a answer) {
	p.get <- a // has room for this one
	p.get = nil
}

// halt needs Session.mu. It makes the session's goroutine end.
func (p *poller) halt() {
	if !p.halted {
		p.halted = true
		close(p.ended)
	}
}

// receive hands the session the packets of POSTs, then those of the websocket
// that takes over.
func (p *poller) receive(s *Session) Reason {
	why := p.poll(s)
	close(p.left)
	if p.next != nil {
		why = p.next.receive(s)
	}
	return why
}

func (p *poller) poll(s *Session) Reason {
	for {
		select {
		case b := <-p.inbox:
			if why := p.deal(s, b); why != "" {
				return why
			}
		case p.next = <-p.upgraded:
			return ""
		case <-p.ended:
			return TransportError // unless the session was closed for another reason
		}
	}
}

func (p *poller) deal(s *Session, b batch) Reason {
	defer close(b.done)
	for packet := range b.payload.packets() {
		if why := s.take(packet); why != "" {
			return why
		}
	}
	return ""
}

// finish waits until the last packets were fetched, or for lateWait.
func (p *poller) finish() {
	if p.next != nil {
		p.next.finish()
		return
	}
	p.session.server.release(p.session.id)
}
