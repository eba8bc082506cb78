package engineio

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// unmasked is a frame as only servers may send it.
func unmasked(first byte, payload string) []byte {
	return append(appendHeader(nil, first, len(payload)), payload...)
}

// claimed is the start of a masked frame that claims to have n bytes.
func claimed(first byte, n uint64) []byte {
	b := binary.BigEndian.AppendUint64([]byte{first, 0x80 | 127}, n)
	return append(b, 1, 2, 3, 4, 'x')
}

func closeFrame(code uint16) []byte {
	return mask(finClose, string(binary.BigEndian.AppendUint16(nil, code)))
}

func TestBrokenFramesCloseTheConnection(t *testing.T) {
	t.Parallel()
	const payload = 1000
	tests := []struct {
		name string
		send [][]byte
		code int
		why  Reason
	}{
		{"unmasked (row 11)", [][]byte{unmasked(finText, "4x")}, 1002, TransportError},
		{"RSV1, compression was not agreed (rows 12, 17)", [][]byte{mask(0xc1, "4x")}, 1002, TransportError},
		{"RSV2 (row 12)", [][]byte{mask(0xa1, "4x")}, 1002, TransportError},
		{"RSV3 (row 12)", [][]byte{mask(0x91, "4x")}, 1002, TransportError},
		{"reserved data opcode (row 12)", [][]byte{mask(0x83, "4x")}, 1002, TransportError},
		{"reserved control opcode (row 12)", [][]byte{mask(0x8b, "")}, 1002, TransportError},
		{"fragmented ping (row 13)", [][]byte{mask(0x09, "x")}, 1002, TransportError},
		{"long ping (row 13)", [][]byte{mask(0x89, strings.Repeat("x", 126))}, 1002, TransportError},
		{"continuation of nothing (row 14)", [][]byte{mask(0x80, "x")}, 1002, TransportError},
		{"text inside a fragmented text (row 14)", [][]byte{mask(0x01, "4x"), mask(finText, "4y")}, 1002, TransportError},
		{"text that is not UTF-8 (row 15)", [][]byte{mask(finText, "4\xff\xfe")}, 1007, TransportError},
		{"overlong UTF-8 (row 15)", [][]byte{mask(finText, "4\xc0\xaf")}, 1007, TransportError},
		{"surrogate in UTF-8 (row 15)", [][]byte{mask(finText, "4\xed\xa0\x80")}, 1007, TransportError},
		{"UTF-8 cut off by the end (row 15)", [][]byte{mask(0x01, "4a"), mask(0x80, "\xe2\x82")}, 1007, TransportError},
		{"over the limit (row 16)", [][]byte{mask(finText, "4"+strings.Repeat("x", payload))}, 1009, TransportError},
		{"over the limit, binary (row 16)", [][]byte{mask(finBinary, strings.Repeat("x", payload+1))}, 1009, TransportError},
		{"over the limit in fragments (row 16)", [][]byte{mask(0x01, "4"+strings.Repeat("x", payload-10)), mask(0x80, strings.Repeat("x", 20))}, 1009, TransportError},
		{"length 2^62 (row 16)", [][]byte{claimed(finText, 1<<62)}, 1009, TransportError},
		{"length 2^63 (row 16)", [][]byte{claimed(finText, 1<<63)}, 1009, TransportError},
		{"length 2^64-1 (row 16)", [][]byte{claimed(finBinary, 1<<64-1)}, 1009, TransportError},
		{"empty fragments without end (row 18)", [][]byte{mask(0x01, "4"), bytes.Repeat(mask(0x00, ""), 10_000)}, 1008, TransportError},
		{"a million fragments of one byte (row 18)", [][]byte{mask(0x01, "4"), bytes.Repeat(mask(0x00, "x"), 1_000_000)}, 1009, TransportError},
		{"pings without end (row 19)", [][]byte{bytes.Repeat(mask(0x89, ""), 10_000)}, 1008, TransportError},
		{"pongs without end (row 19)", [][]byte{bytes.Repeat(mask(0x8a, ""), 10_000)}, 1008, TransportError},
		{"close code 999 (row 20)", [][]byte{closeFrame(999)}, 1002, TransportError},
		{"close code 1005 (row 20)", [][]byte{closeFrame(1005)}, 1002, TransportError},
		{"close code 1006 (row 20)", [][]byte{closeFrame(1006)}, 1002, TransportError},
		{"close code 2999 (row 20)", [][]byte{closeFrame(2999)}, 1002, TransportError},
		{"close code 5000 (row 20)", [][]byte{closeFrame(5000)}, 1002, TransportError},
		{"close reason that is not UTF-8 (row 20)", [][]byte{mask(finClose, "\x03\xe8\xff")}, 1002, TransportError},
		{"close with a code", [][]byte{closeFrame(1000)}, 1000, TransportClose},
		{"close with an own code", [][]byte{closeFrame(4321)}, 4321, TransportClose},
		{"close without a code", [][]byte{mask(finClose, "")}, 1005, TransportClose},
		{"client that pings", [][]byte{mask(finText, "2")}, 1008, TransportError},
		{"probe on an open session", [][]byte{mask(finText, "2probe")}, 1008, TransportError},
		{"client that closes by packet", [][]byte{mask(finText, "1")}, 1000, TransportClose},
		{"empty packet", [][]byte{mask(finText, "")}, 1008, ParseError},
		{"unknown packet type", [][]byte{mask(finText, "9")}, 1008, ParseError},
		{"text that is no packet (row 22)", [][]byte{mask(finText, "abc")}, 1008, ParseError},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := start(t, Options{MaxPayload: payload}, nil)
			c, h := r.connect(t)
			go func() { // ends with the connection
				for _, b := range test.send {
					if _, err := c.Write(b); err != nil {
						return
					}
				}
			}()
			if got := c.code(t); got != test.code {
				t.Errorf("closed with %d, want %d", got, test.code)
			}
			c.Close()
			if got := h.reason(t); got != test.why {
				t.Errorf("reason %q, want %q", got, test.why)
			}
			if got := h.all(); len(got) != 0 {
				t.Errorf("the handler got %q", got)
			}
		})
	}
}

func TestGoodFramesAreDelivered(t *testing.T) {
	t.Parallel()
	big := strings.Repeat("z", 70_000)
	tests := []struct {
		name string
		send [][]byte
		want []string // frames that come back: first byte and payload
	}{
		{"text", [][]byte{mask(finText, "4hello")}, []string{"\x814hello"}},
		{"empty message", [][]byte{mask(finText, "4")}, []string{"\x814"}},
		{"several in one write", [][]byte{append(mask(finText, "4a"), mask(finText, "4b")...)}, []string{"\x814a", "\x814b"}},
		{"binary", [][]byte{mask(finBinary, "\x00\xff")}, []string{"\x82\x00\xff"}},
		{"empty binary", [][]byte{mask(finBinary, "")}, []string{"\x82"}},
		{"fragments", [][]byte{mask(0x01, "4a"), mask(0x00, "b"), mask(0x80, "c")}, []string{"\x814abc"}},
		{"UTF-8 split between fragments", [][]byte{mask(0x01, "4\xe2"), mask(0x80, "\x82\xac")}, []string{"\x814€"}},
		{"ping between fragments", [][]byte{mask(0x01, "4a"), mask(0x89, "now"), mask(0x80, "b")}, []string{"\x8anow", "\x814ab"}},
		{"one-byte fragments in good measure", [][]byte{mask(0x01, "4"), bytes.Repeat(mask(0x00, "x"), 1000), mask(0x80, "")}, []string{"\x814" + strings.Repeat("x", 1000)}},
		{"large", [][]byte{mask(finText, "4"+big)}, []string{"\x814" + big}},
		{"exactly the limit", [][]byte{mask(finBinary, big+big[:30_000])}, []string{"\x82" + big + big[:30_000]}},
		{"packets without a use", [][]byte{mask(finText, "3"), mask(finText, "3probe"), mask(finText, "6"), mask(finText, "0{}"), mask(finText, "5"), mask(finText, "4x")}, []string{"\x814x"}},
		{"unasked pong", [][]byte{mask(0x8a, "hm"), mask(finText, "4x")}, []string{"\x814x"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := start(t, Options{MaxPayload: 100_000}, echo)
			c, h := r.connect(t)
			c.put(t, test.send...)
			var got []string
			for range test.want {
				first, payload, err := c.frame()
				if err != nil {
					t.Fatalf("read: %v", err)
				}
				got = append(got, string([]byte{first})+string(payload))
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("answers differ (-want +got):\n%s", diff)
			}
			if why := h.session.closed(); why != "" {
				t.Errorf("closed: %s", why)
			}
		})
	}
}

// TestPingFloodIsNotAnsweredForEver: the flood costs the server few answers.
func TestPingFloodIsNotAnsweredForEver(t *testing.T) {
	t.Parallel()
	r := start(t, Options{}, nil)
	c, _ := r.connect(t)
	c.put(t, bytes.Repeat(mask(0x89, ""), 2*maxPings))
	pongs := 0
	for {
		first, _, err := c.frame()
		if err != nil {
			t.Fatalf("after %d pongs: %v, want a close frame", pongs, err)
		}
		if first == finClose {
			break
		}
		pongs++
	}
	if pongs != maxPings {
		t.Errorf("%d pongs, want %d", pongs, maxPings)
	}
}

// TestMessagesAfterTheEndAreDropped: what follows a packet that ends the
// session does not reach the handler.
func TestMessagesAfterTheEndAreDropped(t *testing.T) {
	t.Parallel()
	r := start(t, Options{}, nil)
	c, h := r.connect(t)
	c.put(t, append(append(mask(finText, "4before"), mask(finText, "9")...), mask(finText, "4after")...))
	if got := h.reason(t); got != ParseError {
		t.Errorf("reason %q, want %q", got, ParseError)
	}
	if diff := cmp.Diff([]string{"before"}, h.all()); diff != "" {
		t.Errorf("messages differ (-want +got):\n%s", diff)
	}
}
