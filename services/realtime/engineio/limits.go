package engineio

import (
	"net/http"
	"time"
)

// Limits protect a Server from its clients. What is zero is not limited.
type Limits struct {
	// Handshakes bounds those of the whole server, so that clients who come back
	// all at once do so one after another. What is too much is answered with 503,
	// code 9 and Retry-After, and clients try again after their own pause.
	Handshakes Rate
	// PerAddress bounds the handshakes of one address. What is too much is
	// answered with 429, code 8 and Retry-After.
	PerAddress Rate
	// Open is how many sessions one address may have open. More are answered
	// with 429, code 8 and Retry-After.
	Open int
	// Messages and Bytes bound what one session sends. Whoever sends more than
	// the burst above the rate breaks the rules: the session is closed with
	// TransportError, a websocket with code 1008. A burst of Bytes is MaxPayload
	// at least, so that every message fits.
	Messages, Bytes Rate
	// Hops is how many proxies between the clients and this server append to
	// X-Forwarded-For. A client's address is the entry that the farthest of them
	// made, whatever the client put before it; with 0 it is that of the
	// connection, and requests with that header have none and no limits by it. A
	// container behind one load balancer of Google's has 2, a service on its own
	// run.app address 1.
	Hops int
}

// admission holds what is counted against the Limits of a Server.
type admission struct {
	limits Limits
	start  time.Time
	all    lockedMeter
	known  visitors
}

func newAdmission(l Limits) *admission {
	return &admission{limits: l, start: time.Now(), known: newVisitors(l)}
}

// now is the time on the clock of the meters.
func (a *admission) now() time.Duration { return time.Since(a.start) }

// pass decides whether a handshake may go on and counts it. An address that
// asks too often takes nothing away from others.
func (a *admission) pass(r *http.Request, t *tally) error {
	if wait, ok := a.known.ask(clientAddress(r, a.limits.Hops), a.now()); !ok {
		t.pace.Add(1)
		return crowded("Too many handshakes", wait)
	}
	if !a.limits.Handshakes.bound() {
		return nil
	}
	if wait, ok := a.all.take(a.limits.Handshakes, a.now(), 1); !ok {
		t.handshakes.Add(1)
		return &Refusal{Status: http.StatusServiceUnavailable, Code: codeBusy, Message: "Server busy", RetryAfter: max(wait, time.Second)}
	}
	return nil
}

// leave ends the count of a session.
func (a *admission) leave(s *Session) { a.known.leave(s.handshake.Address, a.now()) }

// crowdedWait is what an address that has too many sessions is told to wait:
// somebody has to leave first.
const crowdedWait = 10 * time.Second

// crowded is the answer to an address that has or asks too much.
func crowded(message string, wait time.Duration) *Refusal {
	return &Refusal{Status: http.StatusTooManyRequests, Code: codeTooMany, Message: message, RetryAfter: max(wait, time.Second)}
}

// spend counts a message of a session and reports whether it may be sent.
func (a *admission) spend(t *toll, size int) bool {
	if !a.limits.Messages.bound() && !a.limits.Bytes.bound() {
		return true
	}
	now := a.now()
	if a.limits.Messages.bound() {
		if _, ok := t.messages.take(a.limits.Messages, now, 1); !ok {
			return false
		}
	}
	if a.limits.Bytes.bound() {
		if _, ok := t.bytes.take(a.limits.Bytes, now, size); !ok {
			return false
		}
	}
	return true
}

// toll is what a session has sent; its goroutine's alone.
type toll struct{ messages, bytes meter }
