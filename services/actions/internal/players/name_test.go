package players

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/vegascore/vegascore/shared/problem"
)

func TestNamesThatAreTaken(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		"Ada":                    "Ada",
		"  Ada Lovelace \t":      "Ada Lovelace",
		"Zoe\u0308":              "Zo\u00eb", // composed
		"李小龍":                    "李小龍",
		"Ольга":                  "Ольга",
		"محمد":                   "محمد",
		"🎲 high roller":          "🎲 high roller",
		strings.Repeat("ä", 32):  strings.Repeat("ä", 32),
		"<script>alert(1)":       "<script>alert(1)", // stored as it is; whoever shows it escapes it
		`'); DROP TABLE players`: `'); DROP TABLE players`,
		"a":                      "a",
	} {
		if got, err := CleanName(raw); err != nil || got != want {
			t.Errorf("%q = %q, %v; want %q", raw, got, err, want)
		}
	}
}

func TestNamesThatAreRefused(t *testing.T) {
	t.Parallel()
	for what, raw := range map[string]string{
		"nothing":                "",
		"spaces":                 " \t\n\u00a0\u3000",
		"33 characters":          strings.Repeat("ä", 33),
		"line break":             "Ada\nAdmin",
		"carriage return":        "Ada\r\nX: y",
		"nul":                    "Ada\x00",
		"escape":                 "\x1b[31mAda",
		"delete":                 "Ada\x7f",
		"bidi override":          "Ada\u202egnp",
		"bidi isolate":           "\u2066Ada\u2069",
		"right-to-left mark":     "Ada\u200f",
		"arabic letter mark":     "Ada\u061c",
		"zero-width space":       "A\u200bda",
		"zero-width joiner":      "A\u200dda",
		"zero-width non-joiner":  "A\u200cda",
		"word joiner":            "A\u2060da",
		"byte order mark":        "\ufeffAda",
		"soft hyphen":            "A\u00adda",
		"tag characters":         "Ada\U000e0041",
		"variation selector":     "Ada\ufe0f",
		"ideographic variation":  "Ada\U000e0100",
		"grapheme joiner":        "A\u034fda",
		"hangul filler":          "\u3164",
		"halfwidth filler":       "Ada\uffa0",
		"braille blank":          "\u2800\u2800",
		"no-break space inside":  "Ada\u00a0Lovelace",
		"em space inside":        "Ada\u2003Lovelace",
		"line separator":         "Ada\u2028Lovelace",
		"private use":            "Ada\ue000",
		"unassigned":             "Ada\U000e0fff",
		"noncharacter":           "Ada\uffff",
		"replacement character":  "Ada\ufffd",
		"not UTF-8":              "Ada\xff",
		"a mark alone":           "\u0301",
		"nothing but marks":      "\u0301 \u0302",
		"mongolian vowel":        "Ada\u180e",
		"interlinear annotation": "Ada\ufff9",
	} {
		if got, err := CleanName(raw); !errors.Is(err, problem.New(0, problem.NameInvalid, "")) {
			t.Errorf("%s: %q is taken as %q, %v", what, raw, got, err)
		}
	}
}

func FuzzCleanName(f *testing.F) {
	f.Add("Ada")
	f.Add(" Zoe\u0308 ")
	f.Add("A\u200bda")
	f.Fuzz(func(t *testing.T, raw string) {
		name, err := CleanName(raw)
		if err != nil {
			return
		}
		again, err := CleanName(name)
		if err != nil || again != name {
			t.Errorf("%q is stored as %q, which would be stored as %q, %v", raw, name, again, err)
		}
		if n := utf8.RuneCountInString(name); !utf8.ValidString(name) || n < 1 || n > maxName || strings.ContainsAny(name, "\x00\r\n\t\u200b\u202e") {
			t.Errorf("%q is stored as %q", raw, name)
		}
	})
}
