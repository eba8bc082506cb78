package engineio

import (
	"net/netip"
	"sync"
	"time"
)

// maxIdle is how many addresses without an open session are remembered for
// their pace.
const maxIdle = 16 << 10

// lockedMeter is a meter that many goroutines use.
type lockedMeter struct {
	mu sync.Mutex
	meter
}

func (m *lockedMeter) take(r Rate, now time.Duration, n int) (time.Duration, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.meter.take(r, now, n)
}

// visitors counts what addresses do; the zero Addr is nobody's. Its memory is bounded by the open sessions
// and maxIdle.
type visitors struct {
	pace Rate // of one address's handshakes
	most int  // sessions of one address; 0 for no bound

	mu      sync.Mutex
	known   map[netip.Addr]visitor
	idle    int           // of known, those without an open session
	cleaned time.Duration // when the latest look for idle ones began
}

// visitor is one address.
type visitor struct {
	open  int
	asked meter
}

func newVisitors(l Limits) visitors {
	return visitors{pace: l.PerAddress, most: l.Open, known: make(map[netip.Addr]visitor)}
}

// ask counts a handshake of an address. If it is one too many, wait is how long
// that stays so.
func (v *visitors) ask(from netip.Addr, now time.Duration) (wait time.Duration, ok bool) {
	if !v.pace.bound() || !from.IsValid() {
		return 0, true
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	who, known := v.known[from]
	if wait, ok = who.asked.take(v.pace, now, 1); !ok {
		return wait, false
	}
	if !known {
		v.makeRoom(now)
		v.idle++
	}
	v.known[from] = who
	return 0, true
}

// enter counts a session of an address; leave must be called at its end. It
// returns false when the address has as many as it may.
func (v *visitors) enter(from netip.Addr) bool {
	if v.most <= 0 || !from.IsValid() {
		return true
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	who, known := v.known[from]
	if who.open >= v.most {
		return false
	}
	if known && who.open == 0 {
		v.idle--
	}
	who.open++
	v.known[from] = who
	return true
}

// leave ends what enter began.
func (v *visitors) leave(from netip.Addr, now time.Duration) {
	if v.most <= 0 || !from.IsValid() {
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	who := v.known[from]
	if who.open--; who.open > 0 {
		v.known[from] = who
		return
	}
	if time.Duration(who.asked) <= now { // nothing to remember
		delete(v.known, from)
		return
	}
	v.known[from] = who
	v.idle++
}

// makeRoom needs v.mu. When too many addresses are remembered, those whose
// burst is whole again are forgotten, at most once in the time that a burst
// takes, else any one that has no session: whoever has so many addresses
// is bounded by the rate of the whole server.
func (v *visitors) makeRoom(now time.Duration) {
	if v.idle < maxIdle {
		return
	}
	if now-v.cleaned >= v.pace.span(max(v.pace.Burst, 1)) {
		v.cleaned = now
		for from, who := range v.known {
			if who.open == 0 && time.Duration(who.asked) <= now {
				v.forget(from)
			}
		}
	}
	if v.idle < maxIdle {
		return
	}
	for from, who := range v.known {
		if who.open == 0 {
			v.forget(from)
			return
		}
	}
}

func (v *visitors) forget(from netip.Addr) {
	delete(v.known, from)
	v.idle--
}
