package fair

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
	"strconv"
)

// Draws is what a game needs of a Stream: whole numbers in [0, n), each equally
// likely. A game asks for them in the order that its rules fix.
type Draws interface {
	Intn(n uint64) uint64
}

// Stream gives the draws of one bet. It is for one goroutine.
type Stream struct {
	mac    hash.Hash // nil: there is one block
	prefix []byte    // "<client seed>:<nonce>:"
	round  uint64    // number of the next block
	block  [sha256.Size]byte
	unread []byte // what is left of block
}

// NewStream starts the stream of a bet. The server seed's hex text is the key as it
// stands.
func NewStream(serverSeed, clientSeed string, nonce uint64) *Stream {
	prefix := make([]byte, 0, len(clientSeed)+42) // 42: two numbers of 20 digits and two colons
	prefix = append(append(prefix, clientSeed...), ':')
	prefix = append(strconv.AppendUint(prefix, nonce, 10), ':')
	return &Stream{mac: hmac.New(sha256.New, []byte(serverSeed)), prefix: prefix}
}

// Uint32 returns the next 4 bytes of the stream as a big-endian number.
func (s *Stream) Uint32() uint32 {
	if len(s.unread) == 0 { // a block is a whole number of draws
		if s.mac == nil {
			panic("fair: a link of a chain has 8 draws")
		}
		s.mac.Reset()
		s.mac.Write(strconv.AppendUint(s.prefix, s.round, 10))
		s.unread = s.mac.Sum(s.block[:0])
		s.round++
	}
	u := binary.BigEndian.Uint32(s.unread)
	s.unread = s.unread[4:]
	return u
}

// Intn returns a number in [0, n), each equally likely. n is 1 to 2^32; anything
// else is a mistake in a game's rules, and panics.
func (s *Stream) Intn(n uint64) uint64 {
	const space = 1 << 32
	if n == 0 || n > space {
		panic(fmt.Sprintf("fair: draw from %d numbers; want 1 to 2^32", n))
	}
	unfair := space % n // values of u beyond an equal share for each result
	for {
		product := uint64(s.Uint32()) * n
		if product%space >= unfair {
			return product / space
		}
	}
}
