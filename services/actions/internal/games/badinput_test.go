package games

import (
	"regexp"
	"strings"
	"testing"

	"github.com/vegascore/vegascore/shared/problem"
)

var (
	number = regexp.MustCompile(`[0-9]+`)
	word   = regexp.MustCompile(`:"([a-z_0-9]+)"`)
	member = regexp.MustCompile(`^\{("[a-z]+":)`)
)

// spoilt are the ways to spoil a good text, by the rows of the table of bad input. A way
// that does not apply to a text leaves it as it is.
var spoilt = []struct {
	row  string
	how  func(good string) string
	want []problem.Code
}{
	{"32 a member twice", func(g string) string { return member.ReplaceAllString(g, "{${1}0,${1}") }, []problem.Code{problem.DuplicateField, problem.WrongType}},
	{"33 another case", func(g string) string { return member.ReplaceAllStringFunc(g, strings.ToUpper) }, []problem.Code{problem.UnknownField}},
	{"34 a second value", func(g string) string { return g + "{}" }, []problem.Code{problem.BadJSON}},
	{"35 null", func(string) string { return "null" }, []problem.Code{problem.WrongType}},
	{"35 no text", func(string) string { return "" }, []problem.Code{problem.BadJSON}},
	{"35 null in it", func(g string) string { return member.ReplaceAllString(g, "{${1}null,\"x\":") }, []problem.Code{problem.WrongType, problem.UnknownField}},
	{"36 a fraction", func(g string) string { return bare(g, "10.5") }, []problem.Code{problem.WrongType}},
	{"36 an exponent", func(g string) string { return bare(g, "1e2") }, []problem.Code{problem.WrongType}},
	{"36 a point", func(g string) string { return bare(g, "10.0") }, []problem.Code{problem.WrongType}},
	{"36 a text", func(g string) string { return bare(g, `"10"`) }, []problem.Code{problem.WrongType}},
	{"36 2^63", func(g string) string { return bare(g, "9223372036854775808") }, []problem.Code{problem.WrongType}},
	{"36 no number", func(g string) string { return bare(g, "NaN") }, []problem.Code{problem.BadJSON}},
	{"37 negative", func(g string) string { return bare(g, "-1") }, []problem.Code{problem.ParamsInvalid, problem.ActionInvalid}},
	{"37 far too much", func(g string) string { return bare(g, "9223372036854775807") }, []problem.Code{problem.ParamsInvalid, problem.ActionInvalid}},
	{"38 an unknown member", func(g string) string { return strings.Replace(g, "{", `{"seed":"00"`+comma(g), 1) }, []problem.Code{problem.UnknownField}},
	{"39 too deep", func(string) string { return strings.Repeat("[", 40) + strings.Repeat("]", 40) }, []problem.Code{problem.TooDeep}},
	{"42 U+0000", func(g string) string { return word.ReplaceAllString(g, `:"$1\u0000"`) }, []problem.Code{problem.BadText}},
	{"43 half a pair", func(g string) string { return word.ReplaceAllString(g, `:"$1\ud800"`) }, []problem.Code{problem.BadText}},
	{"43 no UTF-8", func(g string) string { return word.ReplaceAllString(g, ":\"$1\xff\"") }, []problem.Code{problem.BadText}},
	{"56 an outcome", func(g string) string { return strings.Replace(g, "{", `{"outcome":{"win":true}`+comma(g), 1) }, []problem.Code{problem.UnknownField}},
	{"60 SQL", func(g string) string { return word.ReplaceAllString(g, `:"$1'; DROP TABLE rounds; --"`) }, []problem.Code{problem.ParamsInvalid, problem.ActionInvalid}},
	{"an array", func(g string) string { return "[" + g + "]" }, []problem.Code{problem.WrongType}},
}

// bare replaces the numbers of a text that stand outside its words.
func bare(good, by string) string {
	words := word.FindAllString(good, -1)
	without := word.ReplaceAllString(good, ":\x00")
	without = number.ReplaceAllLiteralString(without, by)
	for _, w := range words {
		without = strings.Replace(without, ":\x00", w, 1)
	}
	return without
}

// comma goes before what is in an object.
func comma(object string) string {
	if object == "{}" {
		return ""
	}
	return ","
}

func TestBadInputOfEveryGame(t *testing.T) {
	t.Parallel()
	for _, g := range Versions() {
		s := samples[g.Name]
		applied := 0
		for _, bad := range spoilt {
			for _, good := range s.params {
				if text := bad.how(good); text != good {
					applied++
					_, err := g.Read([]byte(text))
					refused(t, g.Rules+" bet: "+bad.row, text, err, bad.want)
				}
			}
			for _, good := range s.actions {
				if text := bad.how(good); text != good && (bad.row != "37 far too much" || !strings.Contains(good, "at_ms")) {
					applied++
					_, err := g.Action([]byte(text))
					refused(t, g.Rules+" action: "+bad.row, text, err, bad.want)
				}
			}
		}
		if applied < 7 {
			t.Errorf("%s: %d texts were spoilt", g.Rules, applied)
		}
	}
}

func refused(t *testing.T, what, text string, err error, want []problem.Code) {
	t.Helper()
	for _, code := range want {
		if is(err, code) {
			return
		}
	}
	t.Errorf("%s: %q: error = %v; want one of %v", what, text, err, want)
}
