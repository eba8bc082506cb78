package fair

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

const (
	longSeed   = "18e93f4a7b5b58d2569765766d1b6c3296bbd8430d6f20249044d72f14720159"
	longClient = "bb62964774"
	firstBlock = "c590d171e39b70404ee1fff2ce09c3e1090688e1320a9cd27f58b1ac3dfa8c92"
)

func TestStreamStartsWithThePublishedBlock(t *testing.T) {
	t.Parallel()
	s := NewStream(longSeed, longClient, 1)
	var got []byte
	for range 8 {
		got = binary.BigEndian.AppendUint32(got, s.Uint32())
	}
	if hex.EncodeToString(got) != firstBlock {
		t.Errorf("first block = %x; want %s", got, firstBlock)
	}
	if next := s.Uint32(); next != 0x98e4513c { // from an independent implementation
		t.Errorf("first draw of the second block = %08x; want 98e4513c", next)
	}
}

func TestDiceVectors(t *testing.T) {
	t.Parallel()
	const shortSeed, shortClient = "f2ac89b608eeb01312d115bce6741b32", "86ff027f15c48241af7f54a726690ee7"
	for _, test := range []struct {
		server, client string
		nonce          uint64
		want           string
	}{
		{longSeed, longClient, 1, "77.18"},
		{shortSeed, shortClient, 0, "28.07"},
		{shortSeed, shortClient, 1, "29.02"},
		{shortSeed, shortClient, 2, "5.86"},
		{shortSeed, shortClient, 3, "54.86"},
		{shortSeed, shortClient, 4, "9.66"},
	} {
		roll := NewStream(test.server, test.client, test.nonce).Intn(10_001)
		if got := fmt.Sprintf("%d.%02d", roll/100, roll%100); got != test.want {
			t.Errorf("%s:%d = %s; want %s", test.client, test.nonce, got, test.want)
		}
	}
}

// A third of 2^32 has no whole number of draws: without the redraw every third
// result would come up twice as often as the others.
func TestIntnRedrawsWhatWouldFavourAResult(t *testing.T) {
	t.Parallel()
	const n, draws = 3 << 30, 30_000
	s := NewStream(longSeed, longClient, 0)
	var counts [3]int
	for range draws {
		counts[s.Intn(n)%3]++
	}
	for class, count := range counts {
		if count < draws/3-500 || count > draws/3+500 { // six standard deviations
			t.Errorf("results = %d mod 3 came up %d times of %d; want about %d", class, count, draws, draws/3)
		}
	}
}

func TestIntnStaysInRangeAndRepeats(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		client := rapid.StringMatching(`[A-Za-z0-9_-]{1,64}`).Draw(t, "client")
		nonce := rapid.Uint64().Draw(t, "nonce")
		n := rapid.Uint64Range(1, 1<<32).Draw(t, "n")
		a, b := NewStream(longSeed, client, nonce), NewStream(longSeed, client, nonce)
		for range 20 {
			got, again := a.Intn(n), b.Intn(n)
			if got >= n || got != again {
				t.Fatalf("draws from %d = %d and %d; want the same number below it", n, got, again)
			}
		}
	})
}

func TestIntnPanicsOutsideItsRange(t *testing.T) {
	t.Parallel()
	for _, n := range []uint64{0, 1<<32 + 1} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("Intn(%d) returned; want a panic", n)
				}
			}()
			NewStream(longSeed, longClient, 0).Intn(n)
		}()
	}
}

func TestServerSeedsAreFreshAndHashed(t *testing.T) {
	t.Parallel()
	a, hash, err := NewServerSeed()
	if err != nil {
		t.Fatal(err)
	}
	b, _, _ := NewServerSeed()
	if len(a) != SeedLength || len(hash) != SeedLength || a == b {
		t.Errorf("seeds %q and %q with hash %q; want different ones of %d digits", a, b, hash, SeedLength)
	}
	if want := "92a94e8c23510695d92e123725ecd728e54bd251c0ec4b4c422bd16aa34567f9"; Hash(longSeed) != want {
		t.Errorf("hash = %s; want %s", Hash(longSeed), want)
	}
}

func TestClientSeeds(t *testing.T) {
	t.Parallel()
	for seed, want := range map[string]bool{
		longClient: true, "A-z_9": true, NewClientSeed(): true, strings.Repeat("a", 64): true,
		"": false, strings.Repeat("a", 65): false, "a:1": false, "a b": false, "é": false, "a\x00": false,
	} {
		if got := ValidClientSeed(seed); got != want {
			t.Errorf("%q valid = %t; want %t", seed, got, want)
		}
	}
}

func BenchmarkDraw(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		NewStream(longSeed, longClient, 1).Intn(10_001)
	}
}
