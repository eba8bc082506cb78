package fair

import "testing"

const (
	chainHash = "9dd9a4ce539a7d11a36a96c71f3d939c46d972b2e56254bc85ea2c0681541dca"
	chainSalt = "23eb7069c6fc5b1369b92f5321af9f63"
)

// The number is the one from which the published bust point, 7.74, follows.
func TestALinkDrawsTheFirstDigitsOfItsSaltedHash(t *testing.T) {
	t.Parallel()
	i := NewLink(chainHash, chainSalt).Intn(1 << 32)
	if got := (99 << 32) / (i + 1); got != 774 {
		t.Errorf("draw %d stands for %d; want 774", i, got)
	}
}

func TestALinkEndsAfterItsEightDraws(t *testing.T) {
	t.Parallel()
	link := NewLink(chainHash, chainSalt)
	for range 8 {
		link.Uint32()
	}
	defer func() {
		if recover() == nil {
			t.Error("a ninth draw was given; want a panic")
		}
	}()
	link.Uint32()
}

func TestLeads(t *testing.T) {
	t.Parallel()
	once := Hash(chainHash)
	twice := Hash(once)
	for _, test := range []struct {
		hash, commitment string
		steps            int
		want             bool
	}{
		{chainHash, chainHash, 0, true},
		{chainHash, once, 1, true},
		{chainHash, twice, 2, true},
		{once, twice, 1, true},
		{chainHash, twice, 1, false},
		{chainHash, once, 2, false},
		{twice, chainHash, 2, false},
	} {
		if got := Leads(test.hash, test.commitment, test.steps); got != test.want {
			t.Errorf("%.8s leads to %.8s in %d = %t", test.hash, test.commitment, test.steps, got)
		}
	}
}
