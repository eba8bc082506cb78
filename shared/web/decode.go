package web

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/vegascore/vegascore/shared/problem"
	"github.com/vegascore/vegascore/shared/strictjson"
)

// MaxBody bounds a body, in bytes.
const MaxBody = 16 << 10

// Decode reads the request's JSON body into v, a pointer to a struct, and
// refuses whatever two programs could read in two ways. It returns nil or a
// *problem.Problem; on a problem v may be partly filled. It reads the body once
// and fails on a second call. See strictjson.Unmarshal for the rules of the text itself.
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
	return strictjson.Unmarshal(body, v)
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
