package auth

import (
	"crypto/sha256"
	"sync"
)

// seenSize is the number of tokens in each of the two generations; an entry has
// about 150 bytes, so both together stay under 2 MiB.
const seenSize = 4 << 10

// seen remembers tokens whose signature was good, because a player sends the
// same token with every bet and an Ed25519 check costs more than the rest of
// the request's parsing. Entries are found by the SHA-256 of the whole token,
// so only the very same bytes are spared the check. Expiry is checked by the
// caller at each use.
//
// Two generations bound the memory: when the young one is full it becomes the
// old one, and what was in the old one is forgotten.
type seen struct {
	mu         sync.RWMutex
	young, old map[[sha256.Size]byte]Claims
}

func newSeen() *seen {
	return &seen{young: make(map[[sha256.Size]byte]Claims)}
}

// get returns the token's sum, for put, and what is known about it.
func (s *seen) get(token string) (sum [sha256.Size]byte, c Claims, ok bool) {
	sum = sha256.Sum256([]byte(token))
	s.mu.RLock()
	c, ok = s.young[sum]
	inOld := false
	if !ok {
		c, inOld = s.old[sum]
	}
	s.mu.RUnlock()
	if inOld { // still in use: keep it for another generation
		s.put(sum, c)
	}
	return sum, c, ok || inOld
}

func (s *seen) put(sum [sha256.Size]byte, c Claims) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.young) >= seenSize {
		s.old, s.young = s.young, make(map[[sha256.Size]byte]Claims, seenSize)
	}
	s.young[sum] = c
}
