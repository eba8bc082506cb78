package web

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"reflect"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/vegascore/vegascore/shared/problem"
)

// Bounds of a body.
const (
	MaxBody  = 16 << 10 // bytes
	MaxDepth = 32       // nested objects and arrays
)

// Decode reads the request's JSON body into v, a pointer to a struct, and
// refuses whatever two programs could read in two ways. It returns nil or a
// *problem.Problem; on a problem v may be partly filled. It reads the body once
// and fails on a second call. See Unmarshal for the rules of the text itself.
//
// The body must be application/json in UTF-8 without content coding and have at
// most MaxBody bytes.
func Decode(w http.ResponseWriter, r *http.Request, v any) error {
	if err := mediaType(r.Header); err != nil {
		return err
	}
	if r.ContentLength > MaxBody {
		return tooLarge(w)
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxBody))
	var over *http.MaxBytesError
	switch {
	case errors.As(err, &over):
		return tooLarge(w)
	case err != nil:
		return problem.Of(problem.BadJSON, "The body ended too early.").Because(err)
	}
	return Unmarshal(body, v)
}

// Unmarshal reads one JSON value into v by the rules of Decode; sockets use it
// for what players send there. In addition to RFC 8259:
//
//   - names of members are compared exactly, may not repeat and must be known;
//   - every field must be there, unless it is a pointer or has omitempty or
//     omitzero; null stands for no value and is good for pointers only;
//   - numbers for integer fields are plain integers in the range of the field,
//     and a number is never rounded silently;
//   - no invalid UTF-8, lone surrogate or U+0000; no nesting beyond MaxDepth.
func Unmarshal(body []byte, v any) error {
	if !utf8.Valid(body) {
		return problem.Of(problem.BadText, "The body is not valid UTF-8.")
	}
	if err := scan(body); err != nil {
		return err
	}
	if err := json.Unmarshal(body, v, json.RejectUnknownMembers(true)); err != nil {
		return refusal(err)
	}
	return shape(body, reflect.TypeOf(v))
}

// refusal names the problem of an error of the json package. The error's own
// text is not shown: it holds Go types.
func refusal(err error) error {
	var syntax *jsontext.SyntacticError
	var semantic *json.SemanticError
	switch {
	case errors.Is(err, jsontext.ErrDuplicateName):
		errors.As(err, &syntax)
		return problem.Of(problem.DuplicateField, "The field %s is there twice.", pointer(syntax))
	case errors.Is(err, json.ErrUnknownName) && errors.As(err, &semantic):
		return problem.Of(problem.UnknownField, "There is no field %s.", show(semantic.JSONPointer))
	case errors.As(err, &semantic):
		return wrongType(semantic.JSONPointer).Because(err)
	default:
		return problem.Of(problem.BadJSON, "The body is not one JSON value.").Because(err)
	}
}

func pointer(err *jsontext.SyntacticError) string {
	if err == nil {
		return "of an object"
	}
	return show(err.JSONPointer)
}

func wrongType(at jsontext.Pointer) *problem.Problem {
	return problem.Of(problem.WrongType, "The value at %s has the wrong type or form.", show(at))
}

// show returns a pointer for a reply: short, because its names are the
// caller's, and "/" for the whole body.
func show(p jsontext.Pointer) string {
	const most = 64 // bytes
	s := string(p)
	if s == "" {
		return "/"
	}
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "..."
	}
	return s
}

func tooLarge(w http.ResponseWriter) error {
	w.Header().Set("Connection", "close") // the rest of the body is not read
	return problem.Of(problem.BodyTooLarge, "A body may have %d bytes.", MaxBody)
}

// mediaType accepts application/json with no parameter but charset=utf-8.
func mediaType(h http.Header) error {
	refused := problem.Of(problem.UnsupportedMediaType, "Send application/json in UTF-8, not compressed.")
	for _, coding := range h.Values("Content-Encoding") {
		if !strings.EqualFold(strings.TrimSpace(coding), "identity") {
			return refused
		}
	}
	types := h.Values("Content-Type")
	if len(types) != 1 {
		return refused
	}
	if types[0] == "application/json" { // nearly always
		return nil
	}
	kind, params, err := mime.ParseMediaType(types[0])
	if err != nil || kind != "application/json" {
		return refused
	}
	for name, value := range params {
		if name != "charset" || !strings.EqualFold(value, "utf-8") {
			return refused
		}
	}
	return nil
}
