package broadcast

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// Whatever encoding/json takes, the transcoder takes, and the way back means the same.
func FuzzAppendMsgpack(f *testing.F) {
	for _, seed := range []string{
		`{"b":[1,-2,3.5,1e400,"x\u00e9\ud83d\ude00\ud800"],"a":{"c":null}}`, "\"\xff\"", `[9007199254740993]`,
		`[` + strings.Repeat("0,", 16) + `0]`, `{"_placeholder":true,"num":0}`, "-", " [ ] ", `{"a":1,"a":2}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		packed, err := AppendMsgpack(nil, text)
		if valid := json.Valid(text); (err == nil) != valid && !errors.Is(err, ErrDepth) {
			t.Fatalf("AppendMsgpack says %v; json.Valid says %t", err, valid)
		}
		if err != nil {
			return
		}
		back, bins, rest, err := AppendJSON(nil, packed)
		if err != nil || len(bins) != 0 || len(rest) != 0 {
			t.Fatalf("AppendJSON of what was written = %v, %d attachments, %d bytes left", err, len(bins), len(rest))
		}
		var want, got any
		if json.Unmarshal(text, &want) != nil {
			return // a number that only the transcoder takes
		}
		if err := json.Unmarshal(back, &got); err != nil {
			t.Fatalf("%s: %v", back, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("there and back (-want +got):\n%s", diff)
		}
	})
}

// Anything may come from Redis: no input panics, what is accepted is JSON in UTF-8 of a
// bounded size, and it survives another way there and back unchanged.
func FuzzAppendJSON(f *testing.F) {
	for _, seed := range []string{
		"\x93\xa6SQEZA2\x83\xa4type\x02", "\xd6\xff\x00\x00\x00\x00", "\xc7\x0c\xff\x00\x00\x00\x00\xff\xff\xff\xf1\x88\x6e\x09\x00", "\x92\xc4\x01a\xc4\x00",
		"\xdf\xff\xff\xff\xff", "\x81\x01\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00", "\xa3\xff\"\\", "\xca\x00\x00\x00\x01",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, packed []byte) {
		text, bins, rest, err := AppendJSON(nil, packed)
		if err != nil {
			return
		}
		if used := len(packed) - len(rest); len(text) > 32*used {
			t.Fatalf("%d bytes became %d", used, len(text))
		}
		if !json.Valid(text) || !utf8.Valid(text) {
			t.Fatalf("not JSON: %q", text)
		}
		again, err := AppendMsgpack(nil, text, bins...)
		if err != nil {
			t.Fatalf("AppendMsgpack(%s): %v", text, err)
		}
		second, others, _, err := AppendJSON(nil, again)
		if err != nil || !bytes.Equal(text, second) {
			t.Fatalf("%s became %s, %v", text, second, err)
		}
		if diff := cmp.Diff(bins, others); diff != "" {
			t.Errorf("attachments (-want +got):\n%s", diff)
		}
	})
}

// Compact JSON comes back as the same text: order, numbers and characters are kept.
func TestTranscodingKeepsTheText(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := document(t, 0)
		packed, err := AppendMsgpack(nil, []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		got, _, _, err := AppendJSON(nil, packed)
		if err != nil || string(got) != text {
			t.Fatalf("%s became %s, %v", text, got, err)
		}
	})
}

// document draws compact JSON in the notation that JSON.stringify uses.
func document(t *rapid.T, depth int) string {
	kinds := 6
	if depth > 3 {
		kinds = 4
	}
	switch rapid.IntRange(0, kinds-1).Draw(t, "kind") {
	case 0:
		return rapid.SampledFrom([]string{"null", "true", "false"}).Draw(t, "word")
	case 1:
		number, err := json.Marshal(rapid.Int64().Draw(t, "integer"))
		if err != nil {
			t.Fatal(err)
		}
		return string(number)
	case 2:
		return string(appendFloat(nil, rapid.Float64().Draw(t, "float")))
	case 3:
		return string(appendQuoted(nil, []byte(rapid.String().Draw(t, "text"))))
	case 4:
		var b strings.Builder
		for i := range rapid.IntRange(0, 20).Draw(t, "elements") {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString(document(t, depth+1))
		}
		return "[" + b.String() + "]"
	default:
		var b strings.Builder
		for i, key := range rapid.SliceOfNDistinct(rapid.String(), 0, 20, rapid.ID[string]).Draw(t, "keys") {
			if i > 0 {
				b.WriteByte(',')
			}
			b.Write(appendQuoted(nil, []byte(key)))
			b.WriteByte(':')
			b.WriteString(document(t, depth+1))
		}
		return "{" + b.String() + "}"
	}
}

func BenchmarkAppendMsgpack(b *testing.B) {
	text := []byte(`["round",{"id":"0193","game":"dice","table":"dice-1","stake":100,"payout":198,"outcome":{"roll":77.18},"player":{"id":"p","name":"Ada"}}]`)
	b.ReportAllocs()
	b.SetBytes(int64(len(text)))
	var buf []byte
	for b.Loop() {
		buf, _ = AppendMsgpack(buf[:0], text)
	}
}

func BenchmarkAppendJSON(b *testing.B) {
	text := []byte(`["round",{"id":"0193","game":"dice","table":"dice-1","stake":100,"payout":198,"outcome":{"roll":77.18},"player":{"id":"p","name":"Ada"}}]`)
	packed, err := AppendMsgpack(nil, text)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.SetBytes(int64(len(packed)))
	var buf []byte
	for b.Loop() {
		buf, _, _, _ = AppendJSON(buf[:0], packed)
	}
}
