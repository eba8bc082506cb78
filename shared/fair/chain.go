package fair

import (
	"crypto/hmac"
	"crypto/sha256"
)

// A chain commits to the rounds of a shared table in advance. Each game hash is the
// Hash of the one that is played after it, so the house plays a chain from its far
// end backwards, and the last hash, shown before play, is the commitment to all of
// them. The salt is public and was not known when the chain was made, so the house
// could not choose a chain that suits it.

// NewLink starts the draws of one link of a chain: the bytes of HMAC-SHA256(key: the
// game hash's hex text, message: the salt), 8 draws in all. A game that asks for more
// is a mistake in its rules, and panics.
func NewLink(gameHash, salt string) *Stream {
	mac := hmac.New(sha256.New, []byte(gameHash))
	mac.Write([]byte(salt))
	s := &Stream{}
	s.unread = mac.Sum(s.block[:0])
	return s
}

// Leads reports whether a game hash belongs to the chain of a commitment: whether
// hashing it the given number of times gives the commitment.
func Leads(gameHash, commitment string, steps int) bool {
	for range steps {
		gameHash = Hash(gameHash)
	}
	return gameHash == commitment
}
