package strictjson

import (
	"bytes"
	"encoding"
	"reflect"
	"strings"
	"sync"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/vegascore/vegascore/shared/problem"
)

// shape finds what json.Unmarshal lets pass in a body that it could read: null
// where a value belongs, a field that is missing, a number that a float cannot
// hold. It walks the text beside the Go type.
func shape(body []byte, t reflect.Type) error {
	for t.Kind() == reflect.Pointer { // the caller's own pointer is not optional
		t = t.Elem()
	}
	w := walker{dec: jsontext.NewDecoder(bytes.NewBuffer(body))}
	return w.value(t)
}

type walker struct{ dec *jsontext.Decoder }

func (w walker) value(t reflect.Type) error {
	kind := w.dec.PeekKind()
	if kind == 'n' {
		if t.Kind() != reflect.Pointer {
			return w.skipNull()
		}
		return w.skip()
	}
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case decodesItself(t):
		return w.skip()
	case kind == '{' && t.Kind() == reflect.Struct:
		return w.object(fieldsOf(t))
	case kind == '{' && t.Kind() == reflect.Map:
		return w.members(func(string) reflect.Type { return t.Elem() })
	case kind == '{' && t.Kind() == reflect.Interface:
		return w.members(func(string) reflect.Type { return t })
	case kind == '[':
		return w.array(t)
	case kind == '0' && (t.Kind() == reflect.Interface || t.Kind() == reflect.Float64 || t.Kind() == reflect.Float32):
		return w.float()
	default:
		return w.skip()
	}
}

func (w walker) array(t reflect.Type) error {
	element := t
	if t.Kind() == reflect.Slice || t.Kind() == reflect.Array {
		element = t.Elem()
	}
	if _, err := w.dec.ReadToken(); err != nil {
		return refusal(err)
	}
	for w.dec.PeekKind() != ']' {
		if err := w.value(element); err != nil {
			return err
		}
	}
	return w.skip()
}

// members walks an object; of says the type of each member's value, nil for
// members that are not ours.
func (w walker) members(of func(name string) reflect.Type) error {
	if _, err := w.dec.ReadToken(); err != nil {
		return refusal(err)
	}
	for w.dec.PeekKind() != '}' {
		name, err := w.dec.ReadToken()
		if err != nil {
			return refusal(err)
		}
		t := of(name.String())
		if t == nil {
			err = w.skip()
		} else {
			err = w.value(t)
		}
		if err != nil {
			return err
		}
	}
	_, err := w.dec.ReadToken()
	if err != nil {
		return refusal(err)
	}
	return nil
}

func (w walker) object(fields *fields) error {
	there := make([]bool, len(fields.list))
	at := w.dec.StackPointer()
	err := w.members(func(name string) reflect.Type {
		i, ok := fields.index[name]
		if !ok {
			return nil
		}
		there[i] = true
		return fields.list[i].kind
	})
	if err != nil {
		return err
	}
	for i, f := range fields.list {
		if f.required && !there[i] {
			return problem.Of(problem.MissingField, "The field %s is missing.", show(at.AppendToken(f.name)))
		}
	}
	return nil
}

// float refuses numbers from 2^53 on, where a float64 rounds integers.
func (w walker) float() error {
	const limit = 1 << 53
	token, err := w.dec.ReadToken()
	if err != nil {
		return refusal(err)
	}
	if f, err := token.Float(); err != nil || f >= limit || f <= -limit {
		return wrongType(w.dec.StackPointer())
	}
	return nil
}

func (w walker) skipNull() error {
	if err := w.skip(); err != nil {
		return err
	}
	return wrongType(w.dec.StackPointer())
}

func (w walker) skip() error {
	if w.dec.PeekKind() == ']' || w.dec.PeekKind() == '}' {
		if _, err := w.dec.ReadToken(); err != nil {
			return refusal(err)
		}
		return nil
	}
	if err := w.dec.SkipValue(); err != nil {
		return refusal(err)
	}
	return nil
}

// field is a member of an object as a struct declares it.
type field struct {
	name     string
	kind     reflect.Type
	required bool
}

// fields are a struct's members in the order of declaration.
type fields struct {
	list  []field
	index map[string]int
}

func (f *fields) add(m field) {
	if _, taken := f.index[m.name]; !taken { // the outer struct wins
		f.index[m.name] = len(f.list)
		f.list = append(f.list, m)
	}
}

var known sync.Map // reflect.Type to *fields; a program has few body types

// fieldsOf returns a struct's members by name. Embedded structs without a name
// of their own are part of the outer object, as in encoding/json.
func fieldsOf(t reflect.Type) *fields {
	if cached, ok := known.Load(t); ok {
		all, _ := cached.(*fields) // nothing else is stored
		return all
	}
	all := &fields{index: make(map[string]int)}
	var embedded []field
	for f := range t.Fields() {
		tag := f.Tag.Get("json")
		name, options, _ := strings.Cut(tag, ",")
		switch {
		case tag == "-", !f.IsExported() && !f.Anonymous:
			continue
		case f.Anonymous && name == "" && f.Type.Kind() == reflect.Struct:
			embedded = append(embedded, fieldsOf(f.Type).list...)
			continue
		case name == "":
			name = f.Name
		}
		optional := f.Type.Kind() == reflect.Pointer || strings.Contains(options, "omitempty") || strings.Contains(options, "omitzero")
		kind := f.Type
		if kind.Kind() == reflect.Pointer && strings.Contains(options, "omitzero") {
			kind = kind.Elem() // it may be absent, and null is no absence
		}
		all.add(field{name: name, kind: kind, required: !optional})
	}
	for _, f := range embedded {
		all.add(f)
	}
	known.Store(t, all)
	return all
}

var (
	readsJSON = reflect.TypeFor[json.Unmarshaler]()
	readsFrom = reflect.TypeFor[json.UnmarshalerFrom]()
	readsText = reflect.TypeFor[encoding.TextUnmarshaler]()
)

// decodesItself reports whether the type reads its own JSON, so that nothing
// is known about what is inside. json.RawMessage and jsontext.Value do.
func decodesItself(t reflect.Type) bool {
	p := reflect.PointerTo(t)
	return p.Implements(readsJSON) || p.Implements(readsFrom) || p.Implements(readsText)
}
