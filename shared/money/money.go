// Package money holds amounts of play money as whole minor units and the
// arithmetic on them. Nothing here wraps around or uses floating point: what does not
// fit is an error. What is paid is rounded down, what is asked for is rounded up.
package money

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
)

// ErrOverflow says that a result does not fit into an Amount.
var ErrOverflow = errors.New("money: result does not fit into 64 bits")

// Amount is a number of minor units: 100 is one whole unit of play money. Deltas
// may be negative; balances, stakes and payouts never are.
type Amount int64

// Add returns a+b, or ErrOverflow.
func (a Amount) Add(b Amount) (Amount, error) {
	sum := a + b
	if (sum > a) != (b > 0) && b != 0 {
		return 0, fmt.Errorf("%d + %d: %w", a, b, ErrOverflow)
	}
	return sum, nil
}

// Sub returns a-b, or ErrOverflow.
func (a Amount) Sub(b Amount) (Amount, error) {
	diff := a - b
	if (diff < a) != (b > 0) && b != 0 {
		return 0, fmt.Errorf("%d - %d: %w", a, b, ErrOverflow)
	}
	return diff, nil
}

// Sum adds up amounts, or returns ErrOverflow as soon as a partial sum overflows.
func Sum(amounts ...Amount) (Amount, error) {
	var total Amount
	for _, a := range amounts {
		var err error
		if total, err = total.Add(a); err != nil {
			return 0, err
		}
	}
	return total, nil
}

// Times returns what a pays at multiplier m: floor(a x m). The product is taken in
// 128 bits, so no intermediate step rounds. Both factors must be at least zero.
func (a Amount) Times(m Multiplier) (Amount, error) {
	product, _, err := a.times(m)
	return product, err
}

// TimesUp returns what m times the stake a costs: a x m rounded up to a whole minor
// unit, so that a stake of one unit cannot be raised for nothing. Otherwise it is
// Times.
func (a Amount) TimesUp(m Multiplier) (Amount, error) {
	product, rest, err := a.times(m)
	if err != nil || rest == 0 {
		return product, err
	}
	return product.Add(1)
}

// times returns the whole units of a x m and the ten-thousandths of one that are left.
func (a Amount) times(m Multiplier) (product Amount, rest uint64, err error) {
	if a < 0 || m < 0 {
		return 0, 0, fmt.Errorf("%d x %s: a factor is negative", a, m)
	}
	high, low := bits.Mul64(uint64(a), uint64(m))
	if high >= MultiplierUnit {
		return 0, 0, fmt.Errorf("%d x %s: %w", a, m, ErrOverflow)
	}
	whole, rest := bits.Div64(high, low, MultiplierUnit)
	if whole > math.MaxInt64 {
		return 0, 0, fmt.Errorf("%d x %s: %w", a, m, ErrOverflow)
	}
	return Amount(whole), rest, nil
}
