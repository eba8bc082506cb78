package socketio

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func id(v uint64) *uint64 { return &v }

func TestPacketsOnTheWire(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		text   string
		packet Packet
	}{
		{`0`, Packet{Type: ConnectPacket, Namespace: "/"}},
		{`0{"token":"123"}`, Packet{Type: ConnectPacket, Namespace: "/", Data: json.RawMessage(`{"token":"123"}`)}},
		{`0/admin,`, Packet{Type: ConnectPacket, Namespace: "/admin"}},
		{`0/admin,{"a":1}`, Packet{Type: ConnectPacket, Namespace: "/admin", Data: json.RawMessage(`{"a":1}`)}},
		{`01{}`, Packet{Type: ConnectPacket, Namespace: "/", ID: id(1), Data: json.RawMessage(`{}`)}},
		{`1`, Packet{Type: DisconnectPacket, Namespace: "/"}},
		{`1/admin,`, Packet{Type: DisconnectPacket, Namespace: "/admin"}},
		{`2["hello",1]`, Packet{Type: EventPacket, Namespace: "/", Data: json.RawMessage(`["hello",1]`)}},
		{`2[1,2]`, Packet{Type: EventPacket, Namespace: "/", Data: json.RawMessage(`[1,2]`)}},
		{`2/admin,456["project:delete",123]`, Packet{Type: EventPacket, Namespace: "/admin", ID: id(456), Data: json.RawMessage(`["project:delete",123]`)}},
		{`3/admin,456[]`, Packet{Type: AckPacket, Namespace: "/admin", ID: id(456), Data: json.RawMessage(`[]`)}},
		{`4/random,{"message":"Invalid namespace"}`, Packet{Type: ConnectErrorPacket, Namespace: "/random", Data: json.RawMessage(`{"message":"Invalid namespace"}`)}},
	} {
		got, attachments, err := Decode([]byte(tc.text))
		if err != nil || attachments != 0 {
			t.Errorf("Decode(%s) = %d attachments, %v", tc.text, attachments, err)
			continue
		}
		if diff := cmp.Diff(tc.packet, got); diff != "" {
			t.Errorf("Decode(%s): %s", tc.text, diff)
		}
		if text, err := tc.packet.Encode(); err != nil || string(text) != tc.text {
			t.Errorf("Encode(%+v) = %s, %v, want %s", tc.packet, text, err, tc.text)
		}
	}
}

func TestBinaryPacketsOnTheWire(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		text string
		kind PacketType
		n    int
	}{
		{`51-["hello",{"_placeholder":true,"num":0}]`, EventPacket, 1},
		{`52-/admin,456["p",{"_placeholder":true,"num":0},[{"_placeholder":true,"num":1}]]`, EventPacket, 2},
		{`61-/admin,456[{"_placeholder":true,"num":0}]`, AckPacket, 1},
		{`510-["none of the ten is used"]`, EventPacket, 10},
	} {
		p, n, err := Decode([]byte(tc.text))
		if err != nil || n != tc.n || p.Type != tc.kind {
			t.Errorf("Decode(%s) = type %d with %d attachments, %v", tc.text, p.Type, n, err)
			continue
		}
		p.Attachments = make([][]byte, n)
		if text, err := p.Encode(); err != nil || string(text) != tc.text {
			t.Errorf("Encode = %s, %v, want %s", text, err, tc.text)
		}
	}
}

func TestDecodeRefusesWhatIsNoPacket(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		``, `7`, `9`, `abc`, `-1`, ` 2["a"]`, "2[\"\xff\"]",
		`2`, `2[]`, `2{}`, `2"a"`, `2abc["a"]`, `2["a"`, `2["a"]]`, `2["a"]x`, `2[null]`, `2[true]`, `2[{}]`, `2[["a"]]`,
		`2["connect"]`, `2["connect_error"]`, `2["disconnect"]`, `2["disconnecting"]`, `2["newListener"]`, `2["removeListener"]`,
		`2["\u0063onnect"]`, `2/a,["disconnect",1]`,
		`0[]`, `0"x"`, `0null`, `01` + `"x"`, `0/a` + `,1x`, `1{}`, `1"x"`, `3`, `3{}`, `31`, `31"x"`, `4[]`, `41x`,
		`5["a"]`, `5-["a"]`, `50-["a"]`, `511-["a"]`, `5999999999-["a"]`, `5-1-["a"]`, `5+1-["a"]`, `51.0-["a"]`, `51e0-["a"]`, `5 1-["a"]`, `50x1-["a"]`, `51["a"]`,
		`51-["a",{"_placeholder":true,"num":1}]`, `51-["a",{"_placeholder":true,"num":-1}]`, `51-["a",{"_placeholder":true,"num":0.5}]`,
		`51-["a",{"_placeholder":true,"num":"0"}]`, `51-["a",{"_placeholder":true}]`, `51-["a",{"b":[{"_placeholder":true,"num":9}]}]`,
		`61-[{"_placeholder":true,"num":1}]`, `6["a"]`,
		`51-["a",{"_placeholder":true,"num":0},{"_placeholder":true,"num":0}]`, `51-["a",{"b":{"_placeholder":true,"num":0},"c":[{"_placeholder":true,"num":0}]}]`,
		`2["deep",` + strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000) + `]`,
	} {
		if p, n, err := Decode([]byte(text)); err == nil {
			t.Errorf("Decode(%.60q) = %+v with %d attachments, want an error", text, p, n)
		}
	}
}

func TestAnAckIDBeyond64BitsIsDropped(t *testing.T) {
	t.Parallel()
	for _, text := range []string{`2` + strings.Repeat("9", 400) + `["a"]`, `3` + strings.Repeat("9", 400) + `[]`} {
		if p, _, err := Decode([]byte(text)); err != nil || p.ID != nil {
			t.Errorf("Decode = %+v, %v, want a packet without id", p, err)
		}
	}
}

func TestEncodeRefusesWhatClientsRefuse(t *testing.T) {
	t.Parallel()
	for name, p := range map[string]Packet{
		"too many attachments":    {Type: EventPacket, Data: json.RawMessage(`["a"]`), Attachments: make([][]byte, 11)},
		"attachments to connect":  {Type: ConnectPacket, Attachments: make([][]byte, 1)},
		"type":                    {Type: 5, Data: json.RawMessage(`["a"]`)},
		"not UTF-8":               {Type: EventPacket, Data: json.RawMessage("[\"\xff\"]")},
		"event without data":      {Type: EventPacket},
		"event without name":      {Type: EventPacket, Data: json.RawMessage(`[ ]`)},
		"event that is an object": {Type: EventPacket, Data: json.RawMessage(`{"a":1}`)},
		"event named by null":     {Type: EventPacket, Data: json.RawMessage(`[null]`)},
		"event that ends early":   {Type: EventPacket, Data: json.RawMessage(`["`)},
		"reserved name":           {Type: EventPacket, Data: json.RawMessage(`["disconnect",1]`)},
		"ack that is no array":    {Type: AckPacket, Data: json.RawMessage(`{}`)},
	} {
		if text, err := p.Encode(); err == nil {
			t.Errorf("%s: Encode = %s, want an error", name, text)
		}
	}
}

func TestAssemblerKeepsAttachmentsInOrder(t *testing.T) {
	t.Parallel()
	var a assembler
	if p, err := a.Add([]byte(`52-["a",{"_placeholder":true,"num":1}]`), false); p != nil || err != nil {
		t.Fatalf("text gave %+v, %v before its attachments", p, err)
	}
	if p, err := a.Add([]byte("first"), true); p != nil || err != nil {
		t.Fatalf("first attachment of two gave %+v, %v", p, err)
	}
	p, err := a.Add([]byte("second"), true)
	if err != nil || p == nil {
		t.Fatalf("last attachment gave %+v, %v", p, err)
	}
	if diff := cmp.Diff([][]byte{[]byte("first"), []byte("second")}, p.Attachments); diff != "" {
		t.Error(diff)
	}
	if _, err := a.Add([]byte("third"), true); err == nil {
		t.Error("an attachment of no packet was taken")
	}
}

func TestAssemblerRefusesTextBetweenAttachments(t *testing.T) {
	t.Parallel()
	var a assembler
	if _, err := a.Add([]byte(`51-["a",{"_placeholder":true,"num":0}]`), false); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Add([]byte(`2["b"]`), false); err == nil {
		t.Error("text was taken while an attachment was missing")
	}
}

func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		`0`, `0{"token":"1"}`, `0/admin,{}`, `1/a,`, `2["hi",1]`, `2/a,12["hi",{"a":[1,"]"]}]`, `2[1,2]`, `312[]`,
		`52-["a",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]`, `61-1[{"_placeholder":true,"num":0}]`, `4{"message":"x"}`,
		`2["a\u0022\\",[],{}, 1e3 ]`, `5999999999-["a"]`, `2["\ud800"]`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		p, n, err := Decode(text)
		if err != nil {
			return
		}
		if n > MaxAttachments {
			t.Fatalf("%d attachments", n)
		}
		p.Attachments = make([][]byte, n)
		again, err := p.Encode()
		if err != nil {
			t.Fatalf("Encode what Decode read: %v", err)
		}
		q, m, err := Decode(again)
		if err != nil || m != n {
			t.Fatalf("Decode(%q) after Decode(%q): %d attachments, %v", again, text, m, err)
		}
		q.Attachments = p.Attachments
		if diff := cmp.Diff(p, q); diff != "" {
			t.Fatal(diff)
		}
		if p.Type == EventPacket {
			checkArgs(t, &p)
		}
	})
}

// checkArgs compares the arguments with what encoding/json finds.
func checkArgs(t *testing.T, p *Packet) {
	t.Helper()
	var want []json.RawMessage
	if err := json.Unmarshal(p.Data, &want); err != nil {
		t.Fatalf("event is no array: %v", err)
	}
	args := newArgs(p, 0)
	if args.Len() != len(want) {
		t.Fatalf("%d arguments in %s, want %d", args.Len(), p.Data, len(want))
	}
	for i := range want {
		if string(args.Raw(i)) != string(want[i]) {
			t.Fatalf("argument %d of %s is %s, want %s", i, p.Data, args.Raw(i), want[i])
		}
		var rest []json.RawMessage
		if err := json.Unmarshal(args.From(i), &rest); err != nil || len(rest) != len(want)-i {
			t.Fatalf("From(%d) of %s = %s", i, p.Data, args.From(i))
		}
	}
}
