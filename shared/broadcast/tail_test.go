package broadcast

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// tailed is a message as the append script makes it.
func tailed(form Form, payload string, t Tail) string {
	flag := "-"
	if t.Again {
		flag = "r"
	}
	return fmt.Sprintf("%s%s%s%s%s%016d%s%012d%s", payload, around[form][0], tailMark, flag, t.Epoch, t.Number, t.Origin, t.Count, around[form][1])
}

func TestATailIsFoundInEveryForm(t *testing.T) {
	t.Parallel()
	payload := map[Form]string{Array: "\x94\xa1x\x80\x80", Object: `{"type":3`, Map: "\x82\xa4type\x03"}
	rapid.Check(t, func(t *rapid.T) {
		form := rapid.SampledFrom([]Form{Array, Object, Map}).Draw(t, "form")
		name := rapid.StringMatching(`[a-z2-7]{8}`)
		want := Tail{
			Epoch: name.Draw(t, "epoch"), Origin: name.Draw(t, "origin"), Again: rapid.Bool().Draw(t, "again"),
			Number: rapid.Uint64Range(0, 1e16-1).Draw(t, "number"), Count: rapid.Uint64Range(0, 1e12-1).Draw(t, "count"),
		}
		message := tailed(form, payload[form], want)
		got, ok := ParseTail(message)
		if diff := cmp.Diff(want, got); !ok || diff != "" {
			t.Errorf("%q: %t, (-want +got):\n%s", message, ok, diff)
		}
		if cut := message[:len(message)-1]; ok {
			if got, ok := ParseTail(cut); ok {
				t.Errorf("%q has the tail %+v", cut, got)
			}
		}
	})
}

func TestOtherMessagesHaveNoTail(t *testing.T) {
	t.Parallel()
	good := Tail{Epoch: "abcdefgh", Number: 7, Origin: "abcdefgh", Count: 1}
	array := tailed(Array, "\x94\xa1x\x80\x80", good)
	for name, message := range map[string]string{
		"nothing":              "",
		"Node's array":         "\x93\xa1x\x80\x80",
		"a room that looks so": "\x93" + array[1:],
		"another version":      strings.Replace(array, tailMark, "vl2", 1),
		"another flag":         strings.Replace(array, tailMark+"-", tailMark+"?", 1),
		"capitals":             strings.Replace(array, "abcdefgh", "ABCDEFGH", 1),
		"letters for digits":   strings.Replace(array, "00000007", "0000000x", 1),
		"text without length":  strings.Replace(array, "\xd9\x30", "\xd9\x31", 1),
		"another member":       strings.Replace(tailed(Object, `{"a":1`, good), `"log"`, `"lag"`, 1),
		"quoted":               strings.Replace(tailed(Object, `{"a":1`, good), `"log"`, `"\"log\"`, 1),
		"nothing but a tail":   array[6:],
	} {
		if got, ok := ParseTail(message); ok {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func FuzzParseTail(f *testing.F) {
	good := Tail{Epoch: "abcdefgh", Number: 1 << 50, Origin: "ijklmnop", Count: 12, Again: true}
	f.Add(tailed(Array, "\x94\xa1x\x80\x80", good))
	f.Add(tailed(Object, `{"type":3`, good))
	f.Add(tailed(Map, "\x82\xa4type\x03", good))
	f.Fuzz(func(t *testing.T, message string) {
		tail, ok := ParseTail(message)
		if !ok {
			return
		}
		// What was read is what stands there.
		for _, form := range []Form{Array, Object, Map} {
			if strings.HasSuffix(message, tailed(form, "", tail)) {
				return
			}
		}
		t.Errorf("%q has the tail %+v?", message, tail)
	})
}
