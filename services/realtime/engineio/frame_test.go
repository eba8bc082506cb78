package engineio

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

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
