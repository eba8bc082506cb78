package cluster

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/vegascore/vegascore/services/realtime/socketio"
)

func event(data string, attachments ...[]byte) socketio.Packet {
	return socketio.Packet{Type: socketio.EventPacket, Namespace: "/", Data: json.RawMessage(data), Attachments: attachments}
}

// Captured from @socket.io/redis-adapter 8.3.
var vectors = map[string]struct {
	b   socketio.Broadcast
	hex string
}{
	"to all": {
		socketio.Broadcast{Packet: event(`["hello",1,"2",{"a":true,"n":null}]`)},
		"93a65351455a413283a47479706502a46461746194a568656c6c6f01a13282a161c3a16ec0a36e7370a12f83a5726f6f6d7390a665786365707490a5666c61677380",
	},
	"to a room": {
		socketio.Broadcast{Packet: event(`["hi"]`), Rooms: []string{"room1"}},
		"93a65351455a413283a47479706502a46461746191a26869a36e7370a12f83a5726f6f6d7391a5726f6f6d31a665786365707490a5666c61677380",
	},
	"with bytes": {
		socketio.Broadcast{Packet: event(`["bin",{"_placeholder":true,"num":0}]`, []byte{1, 2, 3, 4})},
		"93a65351455a413283a47479706502a46461746192a362696ec40401020304a36e7370a12f83a5726f6f6d7390a665786365707490a5666c61677380",
	},
	"volatile": {
		socketio.Broadcast{Packet: event(`["hi"]`), Except: []string{"x"}, Flags: socketio.Flags{Volatile: true}},
		"93a65351455a413283a47479706502a46461746191a26869a36e7370a12f83a5726f6f6d7390a665786365707491a178a5666c61677381a8766f6c6174696c65c3",
	},
}

func TestBroadcastsAreWrittenAsNodeWritesThem(t *testing.T) {
	t.Parallel()
	for name, v := range vectors {
		got, err := encodeBroadcast("SQEZA2", "/", v.b)
		if err != nil || hex.EncodeToString(got) != v.hex {
			t.Errorf("%s: encode = %x, %v; want %s", name, got, err, v.hex)
		}
	}
}

func TestBroadcastsOfNodeAreRead(t *testing.T) {
	t.Parallel()
	extra := map[string]struct {
		b   socketio.Broadcast
		hex string
	}{
		"emitter": {
			socketio.Broadcast{Packet: event(`["time",1]`), Rooms: []string{"room1"}},
			"93a7656d697474657283a47479706502a46461746192a474696d6501a36e7370a12f83a5726f6f6d7391a5726f6f6d31a5666c61677380a665786365707490",
		},
		"other flags, number as room, no namespace": {
			socketio.Broadcast{Packet: event(`["hi"]`), Rooms: []string{"7", "-1", "a"}, Flags: socketio.Flags{Volatile: true}},
			"93a178" + "82a47479706502a46461746191a26869" + "82a5726f6f6d739307ffa161a5666c61677382a8766f6c6174696c65c3a8636f6d7072657373c3",
		},
		"no options": {
			socketio.Broadcast{Packet: event(`["hi"]`)}, "93a17882a47479706502a46461746191a26869c0",
		},
		"a fourth part": {
			socketio.Broadcast{Packet: event(`["hi"]`)}, "94a17882a47479706502a46461746191a26869809101",
		},
	}
	for _, set := range []map[string]struct {
		b   socketio.Broadcast
		hex string
	}{vectors, extra} {
		for name, v := range set {
			raw, err := hex.DecodeString(v.hex)
			if err != nil {
				t.Fatal(err)
			}
			got, err := decodeBroadcast(raw, "/")
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if diff := cmp.Diff(v.b, got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
		}
	}
}

func TestOwnAndForeignBroadcastsAreKnown(t *testing.T) {
	t.Parallel()
	for _, uid := range []string{"SQEZA2", strings.Repeat("long", 10)} {
		raw, err := encodeBroadcast(uid, "/admin", socketio.Broadcast{Packet: event(`["hi"]`)})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := decodeBroadcast(raw, "/"); !errors.Is(err, errNamespace) {
			t.Errorf("another namespace's: %v", err)
		}
		if !strings.HasPrefix(string(raw), mark(uid)) {
			t.Errorf("%s does not know its own", uid)
		}
		if strings.HasPrefix(string(raw), mark(uid+"x")) || strings.HasPrefix(string(raw), mark(uid[1:])) {
			t.Errorf("others take the messages of %s for their own", uid)
		}
	}
}

func TestMalformedBroadcastsAreRefused(t *testing.T) {
	t.Parallel()
	good := "93a17882a47479706502a46461746191a26869" + "81a5726f6f6d7391a161"
	for name, text := range map[string]string{
		"nothing":            "",
		"no array":           "80",
		"two parts":          "92a178" + "82a47479706502a46461746191a26869",
		"sender is a number": strings.Replace(good, "a178", "01", 1),
		"packet is a number": "93a1780180",
		"no data":            "93a17881a4747970650280",
		"data is no array":   "93a17882a47479706502a464617461a1680180",
		"an ack":             strings.Replace(good, "6502", "6503", 1),
		"cut":                good[:len(good)-2],
		"bytes left":         good + "00",
		"room is a map":      strings.Replace(good, "91a161", "9180", 1),
		"rooms without end":  strings.Replace(good, "91a161", "ddffffffff", 1),
		"key is a number":    "93a178810180" + "80",
		"deep":               "93a17882a47479706502a464617461" + strings.Repeat("91", 200) + "c080",
	} {
		raw, err := hex.DecodeString(text)
		if err != nil {
			t.Fatal(name, err)
		}
		if b, err := decodeBroadcast(raw, "/"); err == nil {
			t.Errorf("%s: decoded %+v", name, b)
		}
	}
}

// Anything may come over Redis. What is accepted can be sent on, and reads the same.
func FuzzDecodeBroadcast(f *testing.F) {
	for _, v := range vectors {
		raw, err := hex.DecodeString(v.hex)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		b, err := decodeBroadcast(raw, "/")
		if err != nil {
			return
		}
		if !json.Valid(b.Packet.Data) {
			t.Fatalf("data is not JSON: %q", b.Packet.Data)
		}
		if text, err := b.Packet.Encode(); err == nil { // else it is dropped
			if _, n, err := socketio.Decode(text); err != nil || n != len(b.Packet.Attachments) {
				t.Fatalf("clients would refuse %q with %d attachments: %v", text, len(b.Packet.Attachments), err)
			}
		}
		again, err := encodeBroadcast("uid", "/", b)
		if err != nil {
			t.Fatal(err)
		}
		second, err := decodeBroadcast(again, "/")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(b, second, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("sent on (-want +got):\n%s", diff)
		}
	})
}
