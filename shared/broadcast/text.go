package broadcast

import (
	"strconv"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/tinylib/msgp/msgp"
)

// escaped writes a string with escapes in it, whose text starts at start and whose
// first backslash is at e.at.
func (e *encoder) escaped(start int) error {
	s := append(e.scratch[:0], e.in[start:e.at]...)
	for e.at < len(e.in) {
		c := e.in[e.at]
		e.at++
		switch {
		case c == '"':
			e.scratch = s
			e.out = msgp.AppendStringFromBytes(e.out, valid(s))
			return nil
		case c < ' ':
			return ErrSyntax
		case c != '\\':
			s = append(s, c)
			continue
		}
		if e.at == len(e.in) {
			break
		}
		c = e.in[e.at]
		e.at++
		switch c {
		case '"', '\\', '/':
			s = append(s, c)
		case 'b':
			s = append(s, '\b')
		case 'f':
			s = append(s, '\f')
		case 'n':
			s = append(s, '\n')
		case 'r':
			s = append(s, '\r')
		case 't':
			s = append(s, '\t')
		case 'u':
			r, err := e.unit()
			if err != nil {
				return err
			}
			s = utf8.AppendRune(s, r) // a surrogate left alone is written as U+FFFD
		default:
			return ErrSyntax
		}
	}
	return ErrSyntax
}

// valid returns s with U+FFFD for each byte that is no UTF-8.
func valid(s []byte) []byte {
	if utf8.Valid(s) {
		return s
	}
	return []byte(string([]rune(string(s))))
}

// unit reads the four hex digits after \u, and the low half of a pair with the high one.
func (e *encoder) unit() (rune, error) {
	high, err := e.hex()
	if err != nil || !utf16.IsSurrogate(high) {
		return high, err
	}
	if e.at+1 < len(e.in) && e.in[e.at] == '\\' && e.in[e.at+1] == 'u' {
		back := e.at
		e.at += 2
		low, err := e.hex()
		if err != nil {
			return 0, err
		}
		if r := utf16.DecodeRune(high, low); r != utf8.RuneError {
			return r, nil
		}
		e.at = back // the second unit stands for itself
	}
	return utf8.RuneError, nil
}

func (e *encoder) hex() (rune, error) {
	if e.at+4 > len(e.in) {
		return 0, ErrSyntax
	}
	var r rune
	for _, c := range e.in[e.at : e.at+4] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, ErrSyntax
		}
		r = r<<4 | rune(c)
	}
	e.at += 4
	return r, nil
}

// number writes a JSON number: in its smallest integer form when it is a whole number
// that fits 64 bits, else as a float. 1.0 and 1e2 are whole, as they are in JavaScript;
// an integer of more than 64 bits is rounded to a float.
func (e *encoder) number() error {
	start := e.at
	if e.at < len(e.in) && e.in[e.at] == '-' {
		e.at++
	}
	if e.at < len(e.in) && e.in[e.at] == '0' {
		e.at++
	} else if e.digits() == 0 {
		return ErrSyntax
	}
	whole := true
	if e.at < len(e.in) && e.in[e.at] == '.' {
		e.at++
		whole = false
		if e.digits() == 0 {
			return ErrSyntax
		}
	}
	if e.at < len(e.in) && e.in[e.at]|0x20 == 'e' {
		e.at++
		whole = false
		if e.at < len(e.in) && (e.in[e.at] == '+' || e.in[e.at] == '-') {
			e.at++
		}
		if e.digits() == 0 {
			return ErrSyntax
		}
	}
	e.numeral(string(e.in[start:e.at]), whole)
	return nil
}

func (e *encoder) digits() int {
	start := e.at
	for e.at < len(e.in) && e.in[e.at] >= '0' && e.in[e.at] <= '9' {
		e.at++
	}
	return e.at - start
}

func (e *encoder) numeral(s string, whole bool) {
	if whole {
		if u, err := strconv.ParseUint(s, 10, 64); err == nil {
			e.out = msgp.AppendUint64(e.out, u)
			return
		}
		if i, err := strconv.ParseInt(s, 10, 64); err == nil { // "-0" is 0
			e.out = appendInt(e.out, i)
			return
		}
	}
	f, _ := strconv.ParseFloat(s, 64) // out of range is an infinity, as in JavaScript
	if f >= -1<<63 && f < 1<<63 && f == float64(int64(f)) {
		e.out = appendInt(e.out, int64(f))
		return
	}
	e.out = msgp.AppendFloat64(e.out, f)
}

// appendInt writes i in its smallest form; numbers above 127 use the unsigned forms.
func appendInt(dst []byte, i int64) []byte {
	if i >= 0 {
		return msgp.AppendUint64(dst, uint64(i))
	}
	return msgp.AppendInt64(dst, i)
}
