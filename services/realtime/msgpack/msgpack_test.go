package msgpack

import (
	"encoding/hex"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vegascore/vegascore/services/realtime/socketio"
)

// From socket.io-msgpack-parser 3.0.2.
var vectors = []struct {
	name, hex string
	want      socketio.Packet
}{
	{"connect without auth", "84a47479706500a464617461d40000a76f7074696f6e7381a8636f6d7072657373c3a36e7370a62f61646d696e", socketio.Packet{Namespace: "/admin"}},
	{"connect with auth", "83a47479706500a46461746181a5746f6b656ea178a36e7370a12f", socketio.Packet{Namespace: "/", Data: []byte(`{"token":"x"}`)}},
	{"event", "83a47479706502a46461746192a26869c4020102a36e7370a12f", socketio.Packet{Type: socketio.EventPacket, Namespace: "/", Data: []byte(`["hi",{"_placeholder":true,"num":0}]`), Attachments: [][]byte{{1, 2}}}},
	{"event that wants an answer", "84a47479706502a46461746191a26869a26964cd0102a36e7370a12f", socketio.Packet{Type: socketio.EventPacket, Namespace: "/", Data: []byte(`["hi"]`), ID: id258()}},
	{"disconnect", "82a47479706501a36e7370a12f", socketio.Packet{Type: socketio.DisconnectPacket, Namespace: "/"}},
}

func id258() *uint64 { n := uint64(258); return &n }

func TestPacketsOfClientsAreRead(t *testing.T) {
	t.Parallel()
	for _, v := range vectors {
		raw, err := hex.DecodeString(v.hex)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Parser.Decoder().Add(raw, true)
		if err != nil {
			t.Errorf("%s: %v", v.name, err)
			continue
		}
		if diff := cmp.Diff(v.want, *got); diff != "" {
			t.Errorf("%s: %s", v.name, diff)
		}
		messages, err := Parser.Encode(got)
		if err != nil || len(messages) != 1 || !messages[0].Binary {
			t.Fatalf("%s: %v, %v", v.name, messages, err)
		}
		again, err := Parser.Decoder().Add(messages[0].Data, true)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(got, again); diff != "" {
			t.Errorf("%s there and back: %s", v.name, diff)
		}
	}
}

func TestMalformedPacketsAreRefused(t *testing.T) {
	t.Parallel()
	if _, err := Parser.Decoder().Add([]byte(`2["hi"]`), false); !errors.Is(err, ErrText) {
		t.Errorf("text: %v", err)
	}
	for _, text := range []string{
		"", "c0", "80", "90", "01", "ff",
		"81a47479706502",                                 // no namespace
		"81a36e7370a12f",                                 // no type
		"82a47479706505a36e7370a12f",                     // unknown type
		"82a474797065ffa36e7370a12f",                     // negative type
		"82a474797065a132a36e7370a12f",                   // type is a text
		"82a47479706501a36e737001",                       // namespace is a number
		"82a47479706501a36e7370a12fff",                   // something follows
		"83a47479706502a46461746191a26869a36e7370",       // cut
		"84a47479706502a46461746190a26964ffa36e7370a12f", // negative id
		"dfffffffff",                                     // a map of four billion
		"82a474797065dfffffffffa36e7370a12f",             // and inside
	} {
		raw, err := hex.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		if p, err := Parser.Decoder().Add(raw, true); !errors.Is(err, ErrPacket) {
			t.Errorf("%s: %+v, %v", text, p, err)
		}
	}
}

// Whatever is read can be written, and reads the same again.
func FuzzDecode(f *testing.F) {
	for _, v := range vectors {
		raw, err := hex.DecodeString(v.hex)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		p, err := Parser.Decoder().Add(raw, true)
		if err != nil {
			return
		}
		messages, err := Parser.Encode(p)
		if err != nil {
			t.Fatalf("%x was read and cannot be written: %v", raw, err)
		}
		again, err := Parser.Decoder().Add(messages[0].Data, true)
		if err != nil {
			t.Fatalf("%x: %v", messages[0].Data, err)
		}
		if diff := cmp.Diff(p, again); diff != "" {
			t.Fatal(diff)
		}
	})
}
