package players

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/vegascore/vegascore/shared/problem"
)

// maxName is the length limit of a name, in characters (code points).
const maxName = 32

// unseen are characters that show nothing, or change how their neighbours are shown.
// Control, format (bidi and zero-width), private, surrogate and unassigned ones are
// refused by not being graphic.
var unseen = []*unicode.RangeTable{
	unicode.Other_Default_Ignorable_Code_Point, // fillers that look like nothing
	unicode.Variation_Selector,
}

// brailleBlank is a symbol by its class and looks like a space.
const brailleBlank = '\u2800'

// CleanName returns the name in its stored form: without space around it, composed
// (NFC). It returns the problem name_invalid unless that has 1 to 32 characters, all
// of them visible or plain spaces, and something to see among them. Two players may
// have the same name.
func CleanName(raw string) (string, error) {
	name := strings.TrimSpace(norm.NFC.String(raw))
	if n := utf8.RuneCountInString(name); n < 1 || n > maxName {
		return "", problem.Of(problem.NameInvalid, "A name has 1 to %d characters.", maxName)
	}
	seen := false
	for _, r := range name {
		if !visible(r) {
			return "", problem.Of(problem.NameInvalid, "A name has only visible characters and plain spaces.")
		}
		seen = seen || r != ' ' && !unicode.IsMark(r)
	}
	if !seen {
		return "", problem.Of(problem.NameInvalid, "A name has something to see.")
	}
	return name, nil
}

func visible(r rune) bool {
	switch r {
	case ' ':
		return true
	case utf8.RuneError, brailleBlank, '\u034F': // the combining grapheme joiner
		return false
	}
	return unicode.IsGraphic(r) && !unicode.IsSpace(r) && !unicode.Is(unicode.Zs, r) && !unicode.In(r, unseen...)
}
