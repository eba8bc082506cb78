package engineio

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPayloads(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 300)
	huge := strings.Repeat("y", 70_000)
	tests := []struct {
		name string
		msgs []Message
		want string
	}{
		{"nothing", nil, ""},
		{"text", []Message{{Data: []byte("hello")}}, "4hello"},
		{"text and binary", []Message{{Data: []byte("hello")}, {Data: []byte{1, 2, 3, 4}, Binary: true}}, "4hello\x1ebAQIDBA=="},
		{"empty ones", []Message{{}, {Binary: true}}, "4\x1eb"},
		{"long", []Message{{Data: []byte(long)}, {Data: []byte(huge)}, {}}, "4" + long + "\x1e4" + huge + "\x1e4"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := appendPayload(nil, NewFrame(test.msgs...).wire)
			if diff := cmp.Diff(test.want, string(got)); diff != "" {
				t.Errorf("payload differs (-want +got):\n%s", diff)
			}
			if len(test.msgs) == 0 {
				return
			}
			content, err := decodePayload(got)
			if err != nil {
				t.Fatalf("decode: %v", err)
			}
			var back []Message
			for p := range content.packets() {
				back = append(back, Message{Data: p.data, Binary: p.binary})
			}
			equal := cmp.Comparer(func(a, b Message) bool { return a.Binary == b.Binary && bytes.Equal(a.Data, b.Data) })
			if diff := cmp.Diff(test.msgs, back, equal); diff != "" {
				t.Errorf("messages differ (-sent +decoded):\n%s", diff)
			}
		})
	}
}

func TestBrokenPayloadsAreRefused(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		in   string
		want error // nil: any
	}{
		{"", errEmptyPacket},
		{"4a\x1e", errEmptyPacket},
		{"\x1e4a", errEmptyPacket},
		{"4a\x1e\x1e4b", errEmptyPacket},
		{"abc", errPacketType},
		{"4a\x1e9", errPacketType},
		{"4\xff", errPayloadText},
		{"bA", nil},
		{"b====", nil},
		{"bAQ==AQ==", nil},
		{"b-_-_", nil},
	} {
		got, err := decodePayload([]byte(test.in))
		if err == nil {
			t.Errorf("decodePayload(%q) = %v, want an error", test.in, got)
		}
		if test.want != nil && !errors.Is(err, test.want) {
			t.Errorf("decodePayload(%q) error = %v, want %v", test.in, err, test.want)
		}
	}
}

// TestManyPacketsCostNoList: a body full of the smallest packets is not blown up.
func TestManyPacketsCostNoList(t *testing.T) {
	body := bytes.Repeat([]byte("4\x1e"), 500_000)
	body = body[:len(body)-1]
	allocations := testing.AllocsPerRun(3, func() {
		content, err := decodePayload(body)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for range content.packets() {
			n++
		}
		if n != 500_000 {
			t.Fatalf("%d packets", n)
		}
	})
	if allocations > 20 {
		t.Errorf("%.0f allocations for one body", allocations)
	}
}

// FuzzDecodePayload: what can be decoded and consists of messages comes back
// the same after encoding and decoding again.
func FuzzDecodePayload(f *testing.F) {
	for _, seed := range []string{"4hello", "4a\x1e4b", "bAQIDBA==\x1e4", "2probe", "1", "", "\x1e", "b\x1eb", "4€"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		content, err := decodePayload(in)
		if err != nil {
			return
		}
		packets := slices.Collect(content.packets())
		if want := bytes.Count(in, []byte{separator}) + 1; len(packets) != want {
			t.Fatalf("%d packets of %d", len(packets), want)
		}
		var msgs []Message
		for _, p := range packets {
			if p.kind != packetMessage {
				return
			}
			msgs = append(msgs, Message{Data: p.data, Binary: p.binary})
		}
		back, err := decodePayload(appendPayload(nil, NewFrame(msgs...).wire))
		if err != nil {
			t.Fatalf("decode again: %v", err)
		}
		same := func(a, b packet) bool {
			return a.kind == b.kind && a.binary == b.binary && bytes.Equal(a.data, b.data)
		}
		if diff := cmp.Diff(packets, slices.Collect(back.packets()), cmp.Comparer(same)); diff != "" {
			t.Fatalf("packets differ (-first +second):\n%s", diff)
		}
	})
}
