package socketio

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestEmitEncodesItsArguments(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		args        []any
		want        string
		attachments int
	}{
		{nil, `["e"]`, 0},
		{[]any{1, "2", nil, true}, `["e",1,"2",null,true]`, 0},
		{[]any{"<a>&\u2028"}, "[\"e\",\"<a>&\\u2028\"]", 0},
		{[]any{json.RawMessage(`{"b":1.0,"a":1e2}`)}, `["e",{"b":1.0,"a":1e2}]`, 0},
		{[]any{json.RawMessage(nil)}, `["e",null]`, 0},
		{[]any{[]byte{1}, "x", []byte{2}}, `["e",{"_placeholder":true,"num":0},"x",{"_placeholder":true,"num":1}]`, 2},
	} {
		data, attachments, err := eventData("e", tc.args)
		if err != nil || string(data) != tc.want || len(attachments) != tc.attachments {
			t.Errorf("eventData(%v) = %s with %d attachments, %v, want %s", tc.args, data, len(attachments), err, tc.want)
		}
	}
}

func TestEmitRefusesWhatCannotBeSent(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		event string
		arg   any
	}{
		"reserved name": {"disconnect", 1},
		"no JSON":       {"e", math.Inf(1)},
		"broken JSON":   {"e", json.RawMessage(`{"a"`)},
	} {
		if data, _, err := eventData(tc.event, []any{tc.arg}); err == nil {
			t.Errorf("%s: eventData = %s, want an error", name, data)
		}
	}
	for _, args := range []string{``, `{}`, `[1`, `null`, `[1],[2]`} {
		if data, err := rawEventData("e", json.RawMessage(args)); err == nil {
			t.Errorf("rawEventData(%s) = %s, want an error", args, data)
		}
	}
	if _, err := rawEventData("connect", json.RawMessage(`[]`)); err == nil {
		t.Error("rawEventData took a reserved name")
	}
}

func TestRawArgumentsKeepTheirBytes(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]string{
		`[]`:                              `["a\"b"]`,
		` [ ] `:                           `["a\"b" ]`,
		`[1.0, {"z":1e400,"a":"\u0041"}]`: `["a\"b",1.0, {"z":1e400,"a":"\u0041"}]`,
	} {
		if got, err := rawEventData(`a"b`, json.RawMessage(args)); err != nil || string(got) != want {
			t.Errorf("rawEventData(%s) = %s, %v, want %s", args, got, err, want)
		}
	}
}

func TestArgsDecode(t *testing.T) {
	t.Parallel()
	args := newArgs(&Packet{
		Data:        json.RawMessage(`["e", "room" , {"b":2,"a":1.50}, {"_placeholder":true,"num":0}, {"f":{"_placeholder":true,"num":1}}]`),
		Attachments: [][]byte{[]byte("one"), []byte("two")},
	}, 1)
	var (
		room string
		body json.RawMessage
		file []byte
		deep struct{ F Placeholder }
	)
	if err := args.Decode(&room, &body, &file, &deep); err != nil {
		t.Fatal(err)
	}
	got := []string{room, string(body), string(file), string(args.Attachments()[deep.F.Num])}
	if diff := cmp.Diff([]string{"room", `{"b":2,"a":1.50}`, "one", "two"}, got); diff != "" {
		t.Error(diff)
	}
	if got, want := string(args.From(1)), `[{"b":2,"a":1.50}, {"_placeholder":true,"num":0}, {"f":{"_placeholder":true,"num":1}}]`; got != want {
		t.Errorf("From(1) = %s, want %s", got, want)
	}
	if got := string(args.From(4)); got != `[]` {
		t.Errorf("From beyond the end = %s", got)
	}
	if args.Raw(4) != nil {
		t.Error("an argument that was not sent is not nil")
	}
	if err := args.Decode(nil, nil, nil, nil, nil); err == nil {
		t.Error("more targets than arguments are no error")
	}
	if err := args.Decode(new(int)); err == nil {
		t.Error("a string was decoded into an int")
	}
}
