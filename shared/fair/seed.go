package fair

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
)

// SeedLength is the length of a server seed and of its hash, in hex digits.
const SeedLength = 64

// NewServerSeed returns a fresh server seed as lower-case hex text, and its hash.
// The seed is a secret until it is revealed: keep it out of logs and answers. The
// error is always nil with the standard random source, which ends the process
// rather than return bytes that are not random.
func NewServerSeed() (seed, hash string, err error) {
	var raw [SeedLength / 2]byte
	if _, err := rand.Read(raw[:]); err != nil {
		return "", "", err
	}
	seed = hex.EncodeToString(raw[:])
	return seed, Hash(seed), nil
}

// Hash is what is shown of a server seed before play: the SHA-256 of its hex text,
// in lower-case hex.
func Hash(seed string) string {
	sum := sha256.Sum256([]byte(seed))
	return hex.EncodeToString(sum[:])
}

// NewClientSeed returns a random client seed for a player who has chosen none: 10
// hex digits.
func NewClientSeed() string {
	var raw [5]byte
	rand.Read(raw[:]) // never fails, see crypto/rand
	return hex.EncodeToString(raw[:])
}

// ValidClientSeed reports whether a player may choose the seed: 1 to 64 of A-Z a-z
// 0-9 _ and -. A colon would let two pairs of seed and nonce share a message.
func ValidClientSeed(seed string) bool {
	if len(seed) == 0 || len(seed) > 64 {
		return false
	}
	for _, c := range []byte(seed) {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && (c < '0' || c > '9') && c != '_' && c != '-' {
			return false
		}
	}
	return true
}
