package cluster

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"net"
	"sync"

	"github.com/vegascore/vegascore/services/realtime/engineio"
)

const (
	// window is how many bytes of one direction of a stream may wait unread.
	window = 32 << 10
	// packSize is from when on further frames begin another message, in bytes.
	packSize = 256 << 10
	// maxStreams is how many streams one link carries at a time.
	maxStreams = 1 << 16

	silentMet   = 8   // beats after which a container that lived counts as gone
	silentUnmet = 6   // and one that never answered
	idleDialled = 60  // beats after which an unused link gets no new streams
	idleKnown   = 600 // and after which it is forgotten
)

// linkKey is a link as this container sees it. It may dial itself.
type linkKey struct {
	id   uint64
	mine bool // dialled here
}

func newLinkID() uint64 {
	var b [8]byte
	rand.Read(b[:]) // never fails
	return binary.BigEndian.Uint64(b[:])
}

// link carries the streams that one container opens to another. Its messages are
// counted: with the first that is missing, or when nothing is heard for too long, all
// its streams end, and new ones get a new link.
type link struct {
	control *Control
	key     linkKey
	peer    string // tag of the other container
	counted bool   // guarded by Control.mu: not among the unmet

	mu      sync.Mutex
	streams map[uint32]*stream
	last    uint32 // stream that was opened last
	packs   []packer
	dirty   bool   // in Control.dirty
	beat    bool   // a message without frames is to be sent
	echo    bool   // the other one wants to hear that this one lives
	sent    uint64 // number of the last message
	heard   uint64 // the same, of the other container
	said    bool   // something was sent since the last tick
	silent  int    // ticks since something was heard
	idle    int    // ticks without streams
	failed  error
}

func newLink(c *Control, key linkKey, peer string) *link {
	return &link{control: c, key: key, peer: peer, streams: map[uint32]*stream{}}
}

func (l *link) len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.streams)
}

// open begins a stream. It returns nil when the link has failed.
func (l *link) open() *stream {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.failed != nil {
		return nil
	}
	l.last++
	s := newStream(l, l.last)
	l.streams[s.id] = s
	l.idle = 0
	if len(l.streams) == 1 {
		l.silent = 0
	}
	l.pack().frame(frameOpen, s.id)
	return s
}

// pack returns what takes the next frame, which will be sent. l.mu is held.
func (l *link) pack() *packer {
	if n := len(l.packs); n == 0 || len(l.packs[n-1].out) > packSize {
		l.packs = append(l.packs, packer{out: make([]byte, controlHeader, 512)})
	}
	l.send()
	return &l.packs[len(l.packs)-1]
}

// send has the publisher look here. l.mu is held.
func (l *link) send() {
	l.said = true
	if !l.dirty {
		l.dirty = true
		l.control.touch(l)
	}
}

// take returns the messages to be sent, in order.
func (l *link) take() []message {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.dirty = false
	if l.failed != nil {
		return nil
	}
	if len(l.packs) == 0 && l.beat {
		l.packs = append(l.packs, packer{out: make([]byte, controlHeader)})
	}
	h := header{link: l.key.id, tag: l.control.Tag()}
	if l.key.mine {
		h.flags |= flagDialler
	}
	if len(l.streams) > 0 {
		h.flags |= flagBusy
	}
	messages := make([]message, len(l.packs))
	for i, p := range l.packs {
		l.sent++
		h.number = l.sent
		h.append(p.out[:0])
		messages[i] = message{channel: l.control.channel(l.peer), payload: p.out}
	}
	l.packs, l.beat = nil, false
	return messages
}

// tick is called at every beat. It reports whether the other container should have
// answered by now for the first time.
func (l *link) tick() (wonders bool) {
	l.mu.Lock()
	busy := len(l.streams) > 0
	l.silent++
	l.idle++
	if busy {
		l.idle = 0
	}
	if !l.said && (busy || l.echo) {
		l.beat = true
		l.send()
	}
	l.said, l.echo = false, false
	met, silent, idle := l.heard > 0, l.silent, l.idle
	l.mu.Unlock()
	switch {
	case busy && met && silent > silentMet:
		l.fail(errSilent)
	case busy && !met && silent > silentUnmet:
		l.fail(errSilent) // something listens there, and says nothing
	case idle > idleKnown:
		l.control.forget(l)
	case idle == idleDialled:
		l.control.mu.Lock()
		l.control.retire(l)
		l.control.mu.Unlock()
	}
	return busy && !met && silent == 1
}

// fail ends the link and all its streams.
func (l *link) fail(why error) {
	l.control.forget(l)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.failed != nil {
		return
	}
	l.failed = why
	if len(l.streams) > 0 && !errors.Is(why, net.ErrClosed) && l.heard > 0 {
		l.control.lost.Add(1)
		l.control.log.Warn("the way to another container was lost", "container", l.peer, "streams", len(l.streams), "error", why)
	}
	for id, s := range l.streams {
		delete(l.streams, id)
		s.err = why
		s.wakeAll()
	}
	l.packs = nil
}

// receive takes one message. It returns an error when the link cannot go on.
func (l *link) receive(h header, frames string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.failed != nil || h.number <= l.heard: // sent again
		return nil
	case h.number > l.heard+1:
		return errHole
	}
	if l.heard++; l.heard == 1 && l.key.mine {
		l.control.answered(l)
	}
	l.silent = 0
	l.echo = h.flags&flagBusy != 0
	if l.heard == 1 && !l.key.mine {
		l.beat = true // at once: the other one wonders whether anybody is here
		l.send()
	}
	for len(frames) > 0 {
		f, rest, err := nextFrame(frames)
		if err != nil {
			return err
		}
		if err := l.handle(f); err != nil {
			return err
		}
		frames = rest
	}
	return nil
}

// handle takes one frame. One of a stream that has ended here was on its way. l.mu is
// held.
func (l *link) handle(f frame) error {
	switch f.kind {
	case frameOpen:
		if l.key.mine || l.streams[f.stream] != nil {
			return errFrame
		}
		s := newStream(l, f.stream)
		if len(l.streams) >= maxStreams || !l.control.incoming.offer(s) {
			l.pack().frame(frameRefuse, f.stream)
			return nil
		}
		l.streams[s.id] = s
		return nil
	case frameData:
		data := []byte(f.data) // shared by all, and changed by none
		for i := range len(f.group) / 4 {
			if s := l.streams[f.member(i)]; s != nil && !s.push(data) {
				return errFrame
			}
		}
		return nil
	}
	s := l.streams[f.stream]
	if s == nil {
		return nil
	}
	switch f.kind {
	case frameCredit:
		s.room = min(s.room+int(f.credit), window)
	case frameFin:
		s.fin = true
	case frameEnd:
		s.fin, s.ended = true, true
		delete(l.streams, f.stream)
	case frameRefuse:
		s.err = engineio.ErrNoOwner
		delete(l.streams, f.stream)
	}
	s.wakeAll()
	return nil
}
