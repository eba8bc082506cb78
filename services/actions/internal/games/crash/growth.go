package crash

import "math/bits"

// factor is a number from 1 on: mantissa / 2^63 x 2^exponent, the mantissa having its
// highest bit set.
type factor struct {
	mantissa uint64
	exponent int
}

// growths are e^(0.00006 x 2^k) for k = 0, 1, ...: what doubles of one millisecond
// multiply by.
var growths = [18]factor{
	{9223925455779388807, 0},
	{9224478907910133457, 0},
	{9225585911797987540, 0},
	{9227800318134950342, 0},
	{9232230725500358995, 0},
	{9241097922570432250, 0},
	{9258857874679935651, 0},
	{9294480240087537344, 0},
	{9366136656766182601, 0},
	{9511111068998337928, 0},
	{9807826617570824999, 0},
	{10429316152049452338, 0},
	{11792935920265775442, 0},
	{15078361478186628501, 0},
	{12325046846120311087, 1},
	{16469766063005015023, 2},
	{14704665120643374232, 5},
	{11721698715299820022, 11},
}

// times multiplies two factors; what does not fit into the mantissa is cut off.
func (f factor) times(g factor) factor {
	high, low := bits.Mul64(f.mantissa, g.mantissa)
	exponent := f.exponent + g.exponent
	if high>>63 == 1 {
		return factor{high, exponent + 1}
	}
	return factor{high<<1 | low>>63, exponent}
}

// At is the multiplier, in hundredths, so many milliseconds after the round began:
// floor(100 x e^(0.00006 x ms)), and Most from when it is reached. It is the same on
// every machine: floating point is not.
func At(ms int64) int64 {
	if ms < 0 {
		return 100
	}
	if ms >= 1<<len(growths) {
		return Most
	}
	value := factor{mantissa: 1 << 63}
	for k, g := range growths {
		if ms>>k&1 == 1 {
			value = value.times(g)
		}
	}
	high, low := bits.Mul64(value.mantissa, 100)
	shift := 63 - value.exponent
	return min(Most, int64(high<<(64-shift)|low>>shift))
}

// Lasts is how many milliseconds a round goes on that busts at a multiplier in
// hundredths: the first one at which the multiplier is above it, or at which no bet can
// be open any more.
func Lasts(bust int64) int64 {
	low, high := int64(0), int64(1)<<len(growths)
	for low < high {
		middle := (low + high) / 2
		if at := At(middle); at > bust || at == Most {
			high = middle
		} else {
			low = middle + 1
		}
	}
	return low
}
