package chaos_test

import (
	"fmt"

	"github.com/anishathalye/porcupine"
)

// call is what a client asked of an account: its balance, or a bet under one of its keys.
type call struct {
	account int
	key     int // below 64, or reading
	stake   int64
	effect  effect
}

// reading is the key of a call that only reads.
const reading = -1

// effect is what a bet does once it is played, which the draw decides and nobody else: it
// is taken from the answer, of which each key has one.
type effect struct{ delta, after int64 }

// heard is what a client was told.
type heard struct {
	what    what
	balance int64 // now, or in the answer of the key
}

type what int

const (
	balanceIs what = iota // to a read
	played                // by this very call
	replayed              // by an earlier call
	refused               // too little money
	nothing               // the outcome is unknown
)

// state is an account: what is in it, and the keys that were played, as bits.
type state struct {
	balance int64
	done    uint64
}

// bit is that of the key, 0 of a read.
func (c call) bit() uint64 {
	if c.key == reading {
		return 0
	}
	return 1 << c.key
}

// after is the account once the bet is played, and whether that is possible.
func (s state) after(c call) (state, bool) {
	next := state{s.balance + c.effect.delta, s.done | c.bit()}
	return next, next.done != s.done && s.balance >= c.stake && next.balance == c.effect.after
}

// steps are the states in which an account may be after a call, in some order of calls
// that respects their times: none when the answer is wrong.
func (s state) steps(c call, h heard) []any {
	same := []any{s}
	next, plays := s.after(c)
	switch {
	case h.what == balanceIs && s.balance == h.balance:
		return same
	case h.what == played && plays && h.balance == next.balance:
		return []any{next}
	case h.what == replayed && s.done&c.bit() != 0 && h.balance == c.effect.after:
		return same
	case h.what == refused && s.done&c.bit() == 0 && s.balance < c.stake && s.balance == h.balance:
		return same
	case h.what == nothing && plays:
		return []any{s, next}
	case h.what == nothing:
		return same
	}
	return nil
}

// account is the model that histories are held to, each account by itself, beginning with
// what a guest is given.
func account(start int64) porcupine.Model {
	model := porcupine.NondeterministicModel{
		Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
			var parts [][]porcupine.Operation
			for _, op := range history {
				n := op.Input.(call).account
				for len(parts) <= n {
					parts = append(parts, nil)
				}
				parts[n] = append(parts[n], op)
			}
			return parts
		},
		Init: func() []any { return []any{state{balance: start}} },
		Step: func(s, input, output any) []any { return s.(state).steps(input.(call), output.(heard)) },
		DescribeOperation: func(input, output any) string {
			return fmt.Sprintf("%+v: %+v", input, output)
		},
	}
	return model.ToModel()
}
