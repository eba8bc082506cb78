package money

import "fmt"

// MultiplierUnit is the Multiplier that pays the stake back: 1.0000.
const MultiplierUnit = 10_000

// Multiplier says how many times its stake a round pays, in ten-thousandths:
// 19801 is 1.9801. As text and in JSON it is a decimal string with four places.
type Multiplier int64

// String returns the decimal form with four places, such as "1.9801".
func (m Multiplier) String() string {
	sign, units := "", uint64(m)
	if m < 0 {
		sign, units = "-", -units // unsigned, so that the smallest value has a counterpart
	}
	return fmt.Sprintf("%s%d.%04d", sign, units/MultiplierUnit, units%MultiplierUnit)
}

// MarshalText returns String, which makes a JSON string of it: a client that reads
// numbers as doubles cannot change a digit.
func (m Multiplier) MarshalText() ([]byte, error) { return []byte(m.String()), nil }
