// Package strictjson reads JSON and refuses whatever two programs could read in two
// ways: bodies of requests, what players send over sockets, bets, bundles of rounds.
//
// It knows nothing of HTTP, so that the check of a round stays small enough for a page.
package strictjson

import (
	"errors"
	"reflect"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/vegascore/vegascore/shared/problem"
)

// MaxDepth is how deep objects and arrays may be nested.
const MaxDepth = 32

// Unmarshal reads one JSON value into v, a pointer to a struct. It returns nil or a
// *problem.Problem with status 400; on a problem v may be partly filled. In addition to
// RFC 8259:
//
//   - names of members are compared exactly, may not repeat and must be known;
//   - every field must be there, unless it is a pointer or has omitempty or
//     omitzero; null stands for no value and is good for pointers without omitzero only;
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
