package cluster

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/vegascore/vegascore/services/realtime/socketio"
	"github.com/vegascore/vegascore/shared/broadcast"
)

// FuzzRelay: what one client says, and its server passes on unread, is dropped for the
// clients of another container or is something that they accept, and is not blown up on
// the way: by both wires.
func FuzzRelay(f *testing.F) {
	f.Add([]byte(`2["hi",1,{"a":"é"}]`), []byte(nil))
	f.Add([]byte(`51-["hi",{"_placeholder":true,"num":0}]`), []byte("bytes"))
	f.Add([]byte(`52-["hi",{"a":{"_placeholder":true,"num":1},"a":{"_placeholder":true,"num":0}}]`), bytes.Repeat([]byte("x"), 300))
	f.Add([]byte(`2["hi",{"_placeholder":true,"num":7}]`), []byte(nil))
	f.Fuzz(func(t *testing.T, text, attached []byte) {
		p, n, err := socketio.Decode(text)
		if err != nil || p.Type != socketio.EventPacket {
			return
		}
		for range n {
			p.Attachments = append(p.Attachments, attached)
		}
		p.Namespace, p.ID = "/", nil
		b := socketio.Broadcast{Packet: p, Rooms: []string{"room1"}}
		most := 16*len(text) + broadcast.MaxNamed*len(attached) + 1000
		if wire, err := encodeBroadcast("uid", "/", b); err == nil {
			if len(wire) > most {
				t.Fatalf("%d bytes with %d attachments of %d became %d", len(text), n, len(attached), len(wire))
			}
			got, err := decodeBroadcast(wire, "/")
			relayed(t, &p, &got, err)
		}
		if wire, err := encodeSharded("uid", "/", &b); err == nil {
			if len(wire) > most {
				t.Fatalf("%d bytes with %d attachments of %d became %d", len(text), n, len(attached), len(wire))
			}
			m, err := decodeMessage(string(wire))
			var got socketio.Broadcast
			if err == nil {
				got, err = m.broadcast()
			}
			relayed(t, &p, &got, err)
		}
	})
}

// relayed checks what has become of a packet.
func relayed(t *testing.T, sent *socketio.Packet, got *socketio.Broadcast, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("what was written cannot be read: %v", err)
	}
	if len(got.Rooms) != 1 || got.Rooms[0] != "room1" || !json.Valid(got.Packet.Data) {
		t.Fatalf("%s for %q", got.Packet.Data, got.Rooms)
	}
	got.Packet.Namespace = "/"
	text, err := got.Packet.Encode()
	if err != nil {
		t.Fatalf("%s became %s: %v", sent.Data, got.Packet.Data, err)
	}
	if _, n, err := socketio.Decode(text); err != nil || n != len(got.Packet.Attachments) {
		t.Fatalf("%s became %s, which clients refuse: %v", sent.Data, text, err)
	}
}
