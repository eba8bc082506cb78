package tournament

import (
	"fmt"
	"math/bits"

	"github.com/vegascore/vegascore/shared/money"
)

// whole is a share of all of the pool.
const whole = 10_000

// Prizes splits a pool among the first of a ranking. shares are ten-thousandths by rank
// that add up to 10,000; ranked is how many have points. Each prize is rounded down, and
// what is left, also the shares of ranks that nobody has, goes to the first: the prizes add
// up to the pool. The prize of a rank may be 0. Without a first there are none.
func Prizes(pool money.Amount, shares []int32, ranked int) ([]money.Amount, error) {
	var sum int64
	for _, s := range shares {
		if s <= 0 {
			return nil, fmt.Errorf("split pool: a share is %d", s)
		}
		sum += int64(s)
	}
	if sum != whole || pool < 0 {
		return nil, fmt.Errorf("split pool of %d: the shares add up to %d of %d", pool, sum, whole)
	}
	places := min(ranked, len(shares))
	if places <= 0 {
		return nil, nil
	}
	prizes := make([]money.Amount, places)
	prizes[0] = pool
	for i := 1; i < places; i++ {
		high, low := bits.Mul64(uint64(pool), uint64(shares[i]))
		quotient, _ := bits.Div64(high, low, whole) // no more than the pool: the share is less than the whole
		prizes[i] = money.Amount(quotient)
		prizes[0] -= prizes[i]
	}
	return prizes, nil
}
