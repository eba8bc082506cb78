package stack

import (
	"bytes"
	"strings"
	"testing"
)

func TestLogLinesAreRenderedForPeople(t *testing.T) {
	t.Parallel()
	var file, screen bytes.Buffer
	w := &lineWriter{service: "actions", file: &file, screen: newConsole(&screen)}
	lines := `{"severity":"INFO","time":"2026-11-22T10:11:12.345678Z","message":"listening","service":"actions"}
{"severity":"WARNING","time":"2026-11-22T10:11:13.345678Z","message":"redis is down","service":"actions","error":"refused","attempt":3}
panic: no JSON at all
`
	for i := range lines { // in pieces, as pipes deliver
		if _, err := w.Write([]byte{lines[i]}); err != nil {
			t.Fatal(err)
		}
	}
	if file.String() != lines {
		t.Errorf("the file has %q", file.String())
	}
	want := "10:11:13.345 WARN  actions     redis is down attempt=3 error=refused\n     actions     panic: no JSON at all\n"
	if screen.String() != want {
		t.Errorf("got  %q\nwant %q", screen.String(), want)
	}
	if got := w.last(); !strings.HasPrefix(got, `{"severity":"INFO"`) || !strings.Contains(got, "panic") {
		t.Errorf("last: %q", got)
	}
}

func TestALineWithoutAnEndIsCut(t *testing.T) {
	t.Parallel()
	var file, screen bytes.Buffer
	w := &lineWriter{service: "x", file: &file, screen: newConsole(&screen), raw: true}
	if _, err := w.Write(bytes.Repeat([]byte("a"), 3*maxLine)); err != nil {
		t.Fatal(err)
	}
	if len(w.rest) >= maxLine || file.Len() == 0 {
		t.Errorf("%d bytes are kept, %d written", len(w.rest), file.Len())
	}
}
