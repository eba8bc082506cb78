package lobby

import (
	"encoding/json"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/vegascore/vegascore/services/realtime/socketio"
	"github.com/vegascore/vegascore/shared/problem"
	"github.com/vegascore/vegascore/shared/strictjson"
)

// texts reads least to most arguments that are all texts, with the rules of every text
// that a player sends.
func texts(args socketio.Args, least, most int) ([]string, error) {
	if n := args.Len(); n < least || n > most {
		return nil, problem.New(400, problem.MissingField, "wrong number of arguments; an acknowledgement function comes after them")
	}
	all := make([]string, args.Len())
	for i := range all {
		// The rules of texts in HTTP bodies hold for sockets too.
		raw := args.Raw(i)
		if len(raw) == 0 || raw[0] != '"' {
			return nil, problem.New(400, problem.WrongType, "the arguments must be texts")
		}
		var field struct {
			Text string `json:"text"`
		}
		body := append(append(json.RawMessage(`{"text":`), raw...), '}')
		if err := strictjson.Unmarshal(body, &field); err != nil {
			return nil, err
		}
		all[i] = field.Text
	}
	return all, nil
}

// said is a chat text as it is posted: without spaces around it, and otherwise raw.
func said(raw string) (string, error) {
	text := strings.TrimSpace(raw)
	if n := utf8.RuneCountInString(text); n > maxText || !strings.ContainsFunc(text, visible) {
		return "", problem.New(422, problem.ParamsInvalid, "a message has 1 to 500 characters, one of them visible")
	}
	if strings.ContainsFunc(text, disrupts) {
		return "", problem.New(400, problem.BadText, "a message has no control characters and none that turn the direction of text")
	}
	return text, nil
}

// visible leaves out spaces, and characters that only join or mark others.
func visible(r rune) bool {
	return unicode.IsGraphic(r) && !unicode.Is(unicode.Z, r) && !unicode.Is(unicode.M, r) && !unicode.In(r, blank)
}

// blank are the letters that show nothing: fillers of Hangul, and the blank of Braille.
var blank = &unicode.RangeTable{R16: []unicode.Range16{{Lo: 0x115f, Hi: 0x1160, Stride: 1}, {Lo: 0x2800, Hi: 0x2800, Stride: 1}, {Lo: 0x3164, Hi: 0x3164, Stride: 1}, {Lo: 0xffa0, Hi: 0xffa0, Stride: 1}}}

// disrupts names what a text could break its surroundings with: control characters
// other than line feeds and tabs, separators of lines and paragraphs, and those that
// embed, override or isolate a direction. Joiners stay: emoji and scripts need them.
func disrupts(r rune) bool {
	return unicode.IsControl(r) && r != '\n' && r != '\t' || r >= 0x2028 && r <= 0x202e || r >= 0x2066 && r <= 0x2069
}

// wellNamed is the form of a client's own name for a message.
var wellNamed = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)
