package strictjson

import (
	"strconv"

	"github.com/vegascore/vegascore/shared/problem"
)

// scan looks at the raw text for what a parsed value no longer shows: how deep
// it is nested, and which escapes its strings hold. It does not check the
// grammar: in text that is no JSON it may find nothing, or a problem that is
// there too.
func scan(body []byte) error {
	depth, inString := 0, false
	for i := 0; i < len(body); i++ {
		c := body[i]
		switch {
		case inString && c == '\\':
			n, ok := escape(body[i:])
			if !ok {
				return problem.Of(problem.BadText, `A text holds \u0000 or half of a surrogate pair.`)
			}
			i += n - 1
		case c == '"':
			inString = !inString
		case inString:
		case c == '{' || c == '[':
			if depth++; depth > MaxDepth {
				return problem.Of(problem.TooDeep, "The body is nested more than %d levels deep.", MaxDepth)
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return nil
}

// escape returns the length of the escape sequence that s starts with, and
// whether it stands for a character that we take.
func escape(s []byte) (n int, ok bool) {
	u, isUnicode := unit(s)
	switch {
	case !isUnicode:
		return 2, true // \n and the like, or an error that the parser finds
	case u == 0, isLow(u):
		return 6, false
	case !isHigh(u):
		return 6, true
	}
	low, isUnicode := unit(s[6:])
	return 12, isUnicode && isLow(low)
}

// unit reads \u and its four digits.
func unit(s []byte) (uint64, bool) {
	if len(s) < 6 || s[0] != '\\' || s[1] != 'u' {
		return 0, false
	}
	u, err := strconv.ParseUint(string(s[2:6]), 16, 16)
	return u, err == nil
}

func isHigh(u uint64) bool { return u >= 0xD800 && u <= 0xDBFF }
func isLow(u uint64) bool  { return u >= 0xDC00 && u <= 0xDFFF }
