package socketio

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
)

// Args are the arguments of an event, or of the answer to one. They share the
// memory of the message in which they came.
type Args struct {
	array       []byte // the whole JSON array
	at          []span // where in array the arguments are
	attachments [][]byte
	wantsAck    bool
}

// Placeholder stands in JSON for one of the attachments of an event; Num
// counts from 0. Attachments that are arguments of their own need none: they
// are []byte in Emit and in Args.Decode.
type Placeholder struct {
	Placeholder bool `json:"_placeholder"`
	Num         int  `json:"num"`
}

// NewArgs returns a JSON array as arguments, with the attachments that placeholders in
// it stand for. It is for adapters: handlers get theirs from the server.
func NewArgs(array json.RawMessage, attachments ...[]byte) (Args, error) {
	if array = bytes.TrimSpace(array); len(array) == 0 || array[0] != '[' || !json.Valid(array) {
		return Args{}, errNoArray
	}
	return newArgs(&Packet{Data: array, Attachments: attachments}, 0), nil
}

// first returns the first argument alone, null when there is none.
func (a Args) first() Args {
	if a.Len() == 0 {
		return newArgs(&Packet{Data: json.RawMessage("[null]")}, 0)
	}
	only := Packet{Data: append(append([]byte{'['}, a.Raw(0)...), ']')}
	if bytes.Contains(only.Data, []byte(`"_placeholder"`)) {
		only.Attachments = a.attachments
	}
	return newArgs(&only, 0)
}

// newArgs reads a valid JSON array and passes over its first skip elements.
func newArgs(p *Packet, skip int) Args {
	return Args{array: p.Data, at: elements(p.Data)[skip:], attachments: p.Attachments}
}

// Len is the number of arguments.
func (a Args) Len() int { return len(a.at) }

// WantsAck reports whether the client waits for an acknowledgement of the event.
func (a Args) WantsAck() bool { return a.wantsAck }

// Raw returns argument i as the JSON that was sent, or nil when there are fewer.
func (a Args) Raw(i int) json.RawMessage {
	if i >= len(a.at) {
		return nil
	}
	return a.array[a.at[i].from:a.at[i].to]
}

// From returns the arguments from i on as a JSON array, bytes unchanged: what
// EmitRaw takes, together with Attachments.
func (a Args) From(i int) json.RawMessage {
	if i >= len(a.at) {
		return json.RawMessage("[]")
	}
	rest := a.array[a.at[i].from:]
	return append(append(make([]byte, 0, 1+len(rest)), '['), rest...)
}

// Attachments returns the binary messages that came with the arguments, in the
// numbering of their placeholders.
func (a Args) Attachments() [][]byte { return a.attachments }

// Decode stores the first arguments in what targets point to, as
// encoding/json does; a *[]byte receives the attachment that is the argument. A
// nil target passes one argument over. Fewer arguments than targets are an
// error, more are not.
func (a Args) Decode(targets ...any) error {
	if len(targets) > len(a.at) {
		return fmt.Errorf("event has %d arguments, want %d", len(a.at), len(targets))
	}
	for i, target := range targets {
		if err := a.decode(i, target); err != nil {
			return fmt.Errorf("argument %d: %w", i, err)
		}
	}
	return nil
}

func (a Args) decode(i int, target any) error {
	switch target := target.(type) {
	case nil:
		return nil
	case *[]byte:
		var p Placeholder
		if json.Unmarshal(a.Raw(i), &p) == nil && p.Placeholder && p.Num >= 0 && p.Num < len(a.attachments) {
			*target = a.attachments[p.Num]
			return nil
		}
	}
	return json.Unmarshal(a.Raw(i), target)
}

// Values returns the arguments as encoding/json decodes them into any, with numbers as
// json.Number and the attachments, however deep, as []byte. Emit and Ack take them as
// they are.
func (a Args) Values() ([]any, error) {
	values := make([]any, len(a.at))
	for i := range values {
		dec := json.NewDecoder(bytes.NewReader(a.Raw(i)))
		dec.UseNumber()
		if err := dec.Decode(&values[i]); err != nil {
			return nil, fmt.Errorf("argument %d: %w", i, err)
		}
		values[i] = a.attach(values[i])
	}
	return values, nil
}

// attach puts the attachments into a value where its placeholders are.
func (a Args) attach(value any) any {
	switch value := value.(type) {
	case []any:
		for i := range value {
			value[i] = a.attach(value[i])
		}
	case map[string]any:
		if num, ok := value["num"].(json.Number); ok && value["_placeholder"] == true {
			if n, err := num.Int64(); err == nil && n >= 0 && n < int64(len(a.attachments)) {
				return a.attachments[n]
			}
		}
		for key := range value {
			value[key] = a.attach(value[key])
		}
	}
	return value
}

// detach is the opposite: it takes []byte out of slices and maps of any, without
// changing these.
func detach(value any, attachments *[][]byte) any {
	switch value := value.(type) {
	case []byte:
		*attachments = append(*attachments, value)
		return Placeholder{Placeholder: true, Num: len(*attachments) - 1}
	case []any:
		copied := make([]any, len(value))
		for i := range value {
			copied[i] = detach(value[i], attachments)
		}
		return copied
	case map[string]any:
		copied := make(map[string]any, len(value))
		for _, key := range slices.Sorted(maps.Keys(value)) {
			copied[key] = detach(value[key], attachments)
		}
		return copied
	}
	return value
}

var (
	errReserved = errors.New("event name is reserved")
	errNoArray  = errors.New("arguments are no JSON array")
)

// eventData builds the data of an event packet from a name and Go values.
func eventData(event string, args []any) (json.RawMessage, [][]byte, error) {
	if slices.Contains(reserved, event) {
		return nil, nil, fmt.Errorf("emit %q: %w", event, errReserved)
	}
	data, attachments, err := marshalArgs([]any{event}, args)
	if err != nil {
		return nil, nil, fmt.Errorf("emit %q: %w", event, err)
	}
	return data, attachments, nil
}

// rawEventData builds the data of an event packet from a name and the JSON
// array of its arguments, which go in as they are.
func rawEventData(event string, args json.RawMessage) (json.RawMessage, error) {
	if slices.Contains(reserved, event) {
		return nil, fmt.Errorf("emit %q: %w", event, errReserved)
	}
	args = bytes.TrimSpace(args)
	if len(args) == 0 || args[0] != '[' || !json.Valid(args) {
		return nil, fmt.Errorf("emit %q: %w", event, errNoArray)
	}
	data, err := appendJSON(append(make([]byte, 0, len(event)+len(args)+8), '['), event)
	if err != nil {
		return nil, fmt.Errorf("emit %q: %w", event, err)
	}
	if inner := bytes.TrimLeft(args[1:], " \t\r\n"); inner[0] != ']' {
		data = append(data, ',')
	}
	return append(data, args[1:]...), nil
}

// marshalArgs builds a JSON array. []byte becomes an attachment, also in slices and
// maps of any; a json.RawMessage goes in as it is.
func marshalArgs(lists ...[]any) (_ json.RawMessage, attachments [][]byte, err error) {
	array := []byte{'['}
	for _, args := range lists {
		for _, arg := range args {
			if len(array) > 1 {
				array = append(array, ',')
			}
			arg = detach(arg, &attachments)
			if array, err = appendJSON(array, arg); err != nil {
				return nil, nil, err
			}
		}
	}
	return append(array, ']'), attachments, nil
}

// appendJSON appends a value without the escapes that encoding/json has for
// HTML: other servers of a cluster do not make them either.
func appendJSON(dst []byte, value any) ([]byte, error) {
	if raw, ok := value.(json.RawMessage); ok && json.Valid(raw) {
		return append(dst, raw...), nil
	}
	buf := bytes.NewBuffer(dst)
	enc := json.NewEncoder(buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(value); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(buf.Bytes(), []byte{'\n'}), nil
}
