package web_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/vegascore/vegascore/shared/money"
	"github.com/vegascore/vegascore/shared/problem"
	"github.com/vegascore/vegascore/shared/web"
)

// bet is a body like those of the real endpoints.
type bet struct {
	Game   string          `json:"game"`
	Stake  money.Amount    `json:"stake"`
	Params json.RawMessage `json:"params"`
	Note   *string         `json:"note"`
	Tags   []string        `json:"tags,omitempty"`
}

const good = `{"game":"dice","stake":100,"params":{"target":5000}}`

func post(contentType, body string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/v1/bets", strings.NewReader(body))
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	return r
}

func decode(r *http.Request) (bet, error) {
	var b bet
	err := web.Decode(httptest.NewRecorder(), r, &b)
	return b, err
}

func TestDecodeReadsStrictly(t *testing.T) {
	t.Parallel()
	got, err := decode(post("application/json", good))
	if err != nil || got.Game != "dice" || got.Stake != 100 {
		t.Errorf("got %+v, %v", got, err)
	}
	for body, want := range map[string]problem.Code{
		"":          problem.BadJSON,
		good + " x": problem.BadJSON,
		`{"game":"dice","stake":100,"stake":1,"params":1}`: problem.DuplicateField,
		`{"game":"dice","Stake":100,"params":1}`:           problem.UnknownField,
		`{"game":"dice","params":1}`:                       problem.MissingField,
	} {
		if _, err := decode(post("application/json", body)); code(err) != want || problem.From(err).Status != http.StatusBadRequest {
			t.Errorf("%s: %v, want %q", body, err, want)
		}
	}
	cut := post("application/json", good)
	cut.Body = io.NopCloser(iotest.ErrReader(io.ErrUnexpectedEOF))
	if _, err := decode(cut); code(err) != problem.BadJSON {
		t.Errorf("a body that ends too early: %v", err)
	}
}

func TestDecodeBoundsTheBody(t *testing.T) { // row 40
	t.Parallel()
	sized := func(n int) string {
		empty := `{"game":"","stake":1,"params":1}`
		return strings.Replace(empty, `""`, `"`+strings.Repeat("a", n-len(empty))+`"`, 1)
	}
	if _, err := decode(post("application/json", sized(16<<10))); err != nil {
		t.Errorf("16 KiB: %v", err)
	}
	for _, announced := range []bool{true, false} {
		r := post("application/json", sized(16<<10+1))
		if !announced {
			r.ContentLength = -1
		}
		w := httptest.NewRecorder()
		var b bet
		err := web.Decode(w, r, &b)
		if code(err) != problem.BodyTooLarge || problem.From(err).Status != 413 {
			t.Errorf("one byte more, announced %t: %v, want 413", announced, err)
		}
		if w.Header().Get("Connection") != "close" {
			t.Errorf("announced %t: the connection is kept with the body unread", announced)
		}
	}
}

func TestDecodeLooksAtTheMediaType(t *testing.T) { // row 41
	t.Parallel()
	for contentType, want := range map[string]problem.Code{
		"application/json":                   "",
		"application/json; charset=utf-8":    "",
		"Application/JSON;charset=\"UTF-8\"": "",
		"":                                   problem.UnsupportedMediaType,
		"text/plain":                         problem.UnsupportedMediaType,
		"text/json":                          problem.UnsupportedMediaType,
		"application/problem+json":           problem.UnsupportedMediaType,
		"application/x-www-form-urlencoded":  problem.UnsupportedMediaType,
		"multipart/form-data; boundary=x":    problem.UnsupportedMediaType,
		"application/json; charset=latin1":   problem.UnsupportedMediaType,
		"application/json; version=2":        problem.UnsupportedMediaType,
		"application/json, text/plain":       problem.UnsupportedMediaType,
		";":                                  problem.UnsupportedMediaType,
	} {
		if _, err := decode(post(contentType, good)); code(err) != want {
			t.Errorf("Content-Type %q: code %q, want %q", contentType, code(err), want)
		}
	}
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	if _, err := z.Write([]byte(good)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	r := post("application/json", zipped.String())
	r.Header.Set("Content-Encoding", "gzip")
	if _, err := decode(r); code(err) != problem.UnsupportedMediaType || problem.From(err).Status != 415 {
		t.Errorf("gzip: %v, want 415", err)
	}
	r = post("application/json", good)
	r.Header.Add("Content-Type", "text/plain")
	if _, err := decode(r); code(err) != problem.UnsupportedMediaType {
		t.Errorf("two media types: %v, want 415", err)
	}
	r = post("application/json", good)
	r.Header.Set("Content-Encoding", "identity")
	if _, err := decode(r); err != nil {
		t.Errorf("identity: %v", err)
	}
}
