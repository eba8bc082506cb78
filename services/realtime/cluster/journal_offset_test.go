package cluster

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestOffsetsAreReadAsTheyWereWritten(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.StringMatching(`[a-z2-7]{8}`)
		want := offset{epoch: name.Draw(t, "epoch"), number: rapid.Uint64Range(0, 1<<53-1).Draw(t, "number")}
		if rapid.Bool().Draw(t, "ahead") {
			want.origin, want.count = name.Draw(t, "origin"), rapid.Uint64Range(0, 1<<40).Draw(t, "count")
		}
		text := want.String()
		if got, ok := parseOffset(text); !ok || got != want {
			t.Errorf("%s is %+v, %t; want %+v", text, got, ok, want)
		}
		if strings.ContainsAny(text, "\"\\") {
			t.Errorf("%s does not go into JSON as it is", text)
		}
	})
}

func TestForgedOffsetsAreNone(t *testing.T) {
	t.Parallel()
	if got := (offset{}).String(); got != nowhere {
		t.Errorf("nowhere is %s", got)
	}
	for _, text := range []string{
		"", nowhere, "x", "abcdefgh", "abcdefgh-", "abcdefgh--1", "abcdefgh-+1", "abcdefgh-01", "abcdefgh-1~", "abcdefgh-1~x",
		"abcdefgh-1~~1", "abcdefgh-1~x~", "abcdefgh-1~x~-1", "abcdefgh-zzzzzzzzzzzzz", "abcdefgh-1 ", "abcdefgh-A",
		"abcdefgh-1~x~1~y~2", strings.Repeat("a", 1000) + "-1",
	} {
		if got, ok := parseOffset(text); ok {
			t.Errorf("%q is %+v", text, got)
		}
	}
}

func FuzzParseOffset(f *testing.F) {
	f.Add("abcdefgh-1")
	f.Add("abcdefgh-1~ijklmnop~z")
	f.Fuzz(func(t *testing.T, text string) {
		if o, ok := parseOffset(text); ok && o.String() != text {
			t.Errorf("%q is %+v, which is %q", text, o, o)
		}
	})
}
