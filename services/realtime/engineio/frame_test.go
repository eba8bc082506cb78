package engineio

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestFramesHaveTheBytesOfTheProtocol(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 300)
	huge := strings.Repeat("y", 70_000)
	tests := []struct {
		name string
		msgs []Message
		want string
	}{
		{"none", nil, ""},
		{"text", []Message{{Data: []byte("hi")}}, "\x81\x034hi"},
		{"empty text", []Message{{}}, "\x81\x014"},
		{"binary", []Message{{Data: []byte{1, 2}, Binary: true}}, "\x82\x02\x01\x02"},
		{"two", []Message{{Data: []byte("a")}, {Data: []byte{9}, Binary: true}}, "\x81\x024a\x82\x01\x09"},
		{"125 bytes with the type", []Message{{Data: []byte(long[:124])}}, "\x81\x7d4" + long[:124]},
		{"126 bytes with the type", []Message{{Data: []byte(long[:125])}}, "\x81\x7e\x00\x7e4" + long[:125]},
		{"over 65,535 bytes", []Message{{Data: []byte(huge), Binary: true}}, "\x82\x7f\x00\x00\x00\x00\x00\x01\x11\x70" + huge},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := NewFrame(test.msgs...)
			if diff := cmp.Diff(test.want, string(f.wire)); diff != "" {
				t.Errorf("bytes differ (-want +got):\n%s", diff)
			}
			if f.Size() != len(test.want) {
				t.Errorf("Size() = %d, want %d", f.Size(), len(test.want))
			}
		})
	}
}

func TestFrameDoesNotShareItsMessages(t *testing.T) {
	t.Parallel()
	data := []byte("before")
	f := NewFrame(Message{Data: data})
	copy(data, "after!")
	if got, want := string(f.wire), "\x81\x074before"; got != want {
		t.Errorf("frame = %q, want %q", got, want)
	}
}

// TestJoinedFramesDecodeInOrder: however frames are made and joined, a client
// reads the same messages in the same order.
func TestJoinedFramesDecodeInOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		groups := rapid.SliceOfN(rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Message {
			return Message{Data: rapid.SliceOfN(rapid.Byte(), 0, 400).Draw(t, "data"), Binary: rapid.Bool().Draw(t, "binary")}
		}), 0, 4), 1, 6).Draw(t, "groups")
		var frames []*Frame
		var want, got []string
		for _, msgs := range groups {
			frames = append(frames, NewFrame(msgs...))
			for _, m := range msgs {
				if m.Binary {
					want = append(want, "\x82"+string(m.Data))
				} else {
					want = append(want, "\x814"+string(m.Data))
				}
			}
		}
		c := &client{in: bufio.NewReader(bytes.NewReader(Join(frames...).wire))}
		for {
			first, payload, err := c.frame()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("decode: %v", err)
			}
			got = append(got, string([]byte{first})+string(payload))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("messages differ (-want +got):\n%s", diff)
		}
	})
}

func TestDecodeText(t *testing.T) {
	t.Parallel()
	tests := []struct {
		in   string
		want packet
		err  error
	}{
		{"4hello", packet{kind: packetMessage, data: []byte("hello")}, nil},
		{"4", packet{kind: packetMessage, data: []byte{}}, nil},
		{"2probe", packet{kind: packetPing, data: []byte("probe")}, nil},
		{"0", packet{kind: packetOpen, data: []byte{}}, nil},
		{"6", packet{kind: packetNoop, data: []byte{}}, nil},
		{"", packet{}, errEmptyPacket},
		{"7", packet{}, errPacketType},
		{"/", packet{}, errPacketType},
		{"abc", packet{}, errPacketType},
		{"bAQ==", packet{}, errPacketType},
		{"\u0664", packet{}, errPacketType},
	}
	for _, test := range tests {
		got, err := decodeText([]byte(test.in))
		if !errors.Is(err, test.err) {
			t.Errorf("decodeText(%q) error = %v, want %v", test.in, err, test.err)
		}
		if diff := cmp.Diff(test.want, got, cmp.AllowUnexported(packet{})); diff != "" {
			t.Errorf("decodeText(%q) differs (-want +got):\n%s", test.in, diff)
		}
	}
}

// FuzzFrame: whatever is encoded and joined, a client reads the same messages,
// by websocket and by polling.
func FuzzFrame(f *testing.F) {
	f.Add([]byte("hello"), []byte{0, 1, 2}, true)
	f.Add([]byte{}, []byte{}, false)
	f.Add(bytes.Repeat([]byte("x"), 125), bytes.Repeat([]byte("y"), 126), true)
	f.Add(bytes.Repeat([]byte("x"), 65_535), bytes.Repeat([]byte("y"), 65_536), false)
	f.Fuzz(func(t *testing.T, one, two []byte, binary bool) {
		msgs := []Message{{Data: one, Binary: true}, {Data: two, Binary: binary}, {Data: one}}
		wire := Join(NewFrame(msgs[:2]...), NewFrame(msgs[2])).wire
		c := &client{in: bufio.NewReader(bytes.NewReader(wire))}
		for i, m := range msgs {
			first, payload, err := c.frame()
			want, prefix := byte(finText), "4"
			if m.Binary {
				want, prefix = finBinary, ""
			}
			if err != nil || first != want || string(payload) != prefix+string(m.Data) {
				t.Fatalf("message %d: read %#x %.40q, %v", i, first, payload, err)
			}
		}
		if _, _, err := c.frame(); !errors.Is(err, io.EOF) {
			t.Fatalf("after the messages: %v", err)
		}
		payload := appendPayload(nil, wire)
		content, err := decodePayload(payload)
		text := slices.Concat(one, two)
		if !utf8.Valid(one) || !binary && !utf8.Valid(two) || bytes.IndexByte(text, separator) >= 0 {
			return // texts that polling cannot carry
		}
		packets := slices.Collect(content.packets())
		if err != nil || len(packets) != len(msgs) {
			t.Fatalf("payload %.80q: %d packets, %v", payload, len(packets), err)
		}
		for i, m := range msgs {
			if p := packets[i]; p.binary != m.Binary || !bytes.Equal(p.data, m.Data) {
				t.Fatalf("packet %d: %.40q, want %.40q", i, p.data, m.Data)
			}
		}
	})
}

func FuzzDecodeText(f *testing.F) {
	for _, seed := range []string{"", "4hello", "2", "3probe", "9", "b", "4\x00", "\xff"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		p, err := decodeText(in)
		if err != nil {
			if len(in) > 0 && in[0] >= '0' && in[0] <= '6' {
				t.Fatalf("refused %q: %v", in, err)
			}
			return
		}
		if back := append([]byte{byte(p.kind)}, p.data...); !bytes.Equal(back, in) {
			t.Fatalf("%q became %q", in, back)
		}
	})
}
