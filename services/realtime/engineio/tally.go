package engineio

import (
	"errors"
	"os"
	"sync/atomic"
)

// Tally is what a Server has had to do about its clients since it was made.
type Tally struct {
	Slow           uint64 // sessions cut because their clients read too slowly, or not at all
	Floods         uint64 // sessions closed because their clients sent more than Messages or Bytes allow
	Handshakes     uint64 // handshakes refused by Limits.Handshakes
	AddressPace    uint64 // handshakes refused by Limits.PerAddress
	AddressCrowded uint64 // handshakes refused by Limits.Open
	Draining       uint64 // handshakes refused because the server drains, or is to be empty
}

// tally is where a Tally is counted.
type tally struct {
	slow, floods, handshakes, pace, crowded, draining atomic.Uint64
}

// Tally returns the counts so far. It may be called concurrently.
func (srv *Server) Tally() Tally {
	t := srv.opts.tally
	return Tally{
		Slow: t.slow.Load(), Floods: t.floods.Load(), Handshakes: t.handshakes.Load(),
		AddressPace: t.pace.Load(), AddressCrowded: t.crowded.Load(), Draining: t.draining.Load(),
	}
}

// tooSlow reports whether a connection failed because its client takes nothing: its
// queue is full, or a write waited for StallTimeout.
func tooSlow(err error) bool {
	return errors.Is(err, errSlow) || errors.Is(err, os.ErrDeadlineExceeded)
}
