package strictjson_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/vegascore/vegascore/shared/money"
	"github.com/vegascore/vegascore/shared/problem"
	"github.com/vegascore/vegascore/shared/strictjson"
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

// code returns the problem code of err, "" for nil and "?" for another error.
func code(err error) problem.Code {
	var p *problem.Problem
	switch {
	case err == nil:
		return ""
	case errors.As(err, &p):
		return p.Code
	default:
		return "?"
	}
}

func read(text string) (bet, error) {
	var b bet
	err := strictjson.Unmarshal([]byte(text), &b)
	return b, err
}

func TestUnmarshalReadsWhatIsWellFormed(t *testing.T) {
	t.Parallel()
	note := "ž😀"
	tests := []struct {
		name, body string
		want       bet
	}{
		{"plain", good, bet{Game: "dice", Stake: 100, Params: json.RawMessage(`{"target":5000}`)}},
		{"white space", " \n" + strings.ReplaceAll(good, ",", " ,\t") + "\r\n", bet{Game: "dice", Stake: 100, Params: json.RawMessage(`{"target":5000}`)}},
		{"null for a pointer", `{"game":"dice","stake":1,"params":1,"note":null}`, bet{Game: "dice", Stake: 1, Params: json.RawMessage("1")}},
		{"escapes", `{"game":"d\u0069ce\n\"\\","stake":1,"params":"\ud83d\ude00","note":"\u017e\uD83D\uDE00"}`,
			bet{Game: "dice\n\"\\", Stake: 1, Params: json.RawMessage(`"\ud83d\ude00"`), Note: &note}},
		{"the largest integer", `{"game":"","stake":9223372036854775807,"params":[]}`, bet{Stake: 1<<63 - 1, Params: json.RawMessage("[]")}},
		{"the smallest integer", `{"game":"","stake":-9223372036854775808,"params":[]}`, bet{Stake: -1 << 63, Params: json.RawMessage("[]")}},
		{"just over 2^53", `{"game":"","stake":9007199254740993,"params":9007199254740993}`, bet{Stake: 9007199254740993, Params: json.RawMessage("9007199254740993")}},
		{"all levels", `{"game":"","stake":1,"params":` + strings.Repeat("[", 31) + strings.Repeat("]", 31) + `}`,
			bet{Stake: 1, Params: json.RawMessage(strings.Repeat("[", 31) + strings.Repeat("]", 31))}},
		{"brackets in a text are no levels", `{"game":"` + strings.Repeat("[{", 40) + `","stake":1,"params":1}`, bet{Game: strings.Repeat("[{", 40), Stake: 1, Params: json.RawMessage("1")}},
	}
	for _, tt := range tests {
		got, err := read(tt.body)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
		} else if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

// TestUnmarshalRefusesBadBodies has one case per line of bad input; numbers are
// its rows.
func TestUnmarshalRefusesBadBodies(t *testing.T) {
	t.Parallel()
	stake := func(text string) string { return strings.Replace(good, "100", text, 1) }
	nested := func(n int) string {
		return `{"game":"","stake":1,"params":` + strings.Repeat(`{"a":`, n) + "1" + strings.Repeat("}", n) + "}"
	}
	tests := []struct {
		name, body string
		want       problem.Code
	}{
		{"32 duplicate key", `{"game":"dice","stake":100,"stake":1,"params":1}`, problem.DuplicateField},
		{"32 duplicate key, one escaped", `{"game":"dice","stake":100,"st\u0061ke":1,"params":1}`, problem.DuplicateField},
		{"32 duplicate key further in", `{"game":"dice","stake":100,"params":{"target":1,"target":2}}`, problem.DuplicateField},
		{"33 another case of a name", `{"game":"dice","Stake":100,"params":1}`, problem.UnknownField},
		{"33 both cases", `{"game":"dice","stake":100,"STAKE":1,"params":1}`, problem.UnknownField},
		{"34 a second value", good + good, problem.BadJSON},
		{"34 trailing text", good + " x", problem.BadJSON},
		{"34 trailing comma", `{"game":"dice","stake":100,"params":1,}`, problem.BadJSON},
		{"34 trailing NUL", good + "\x00", problem.BadJSON},
		{"35 null amount", stake("null"), problem.WrongType},
		{"35 null body", "null", problem.WrongType},
		{"35 null params", `{"game":"dice","stake":100,"params":null}`, problem.WrongType},
		{"35 null in a list", `{"game":"dice","stake":100,"params":1,"tags":["a",null]}`, problem.WrongType},
		{"35 null for an optional list", `{"game":"dice","stake":100,"params":1,"tags":null}`, problem.WrongType},
		{"35 no body", "", problem.BadJSON},
		{"35 white space only", " \n", problem.BadJSON},
		{"36 a fraction", stake("10.5"), problem.WrongType},
		{"36 an exponent", stake("1e2"), problem.WrongType},
		{"36 a whole fraction", stake("10.0"), problem.WrongType},
		{"36 a text", stake(`"10"`), problem.WrongType},
		{"36 2^63", stake("9223372036854775808"), problem.WrongType},
		{"36 below -2^63", stake("-9223372036854775809"), problem.WrongType},
		{"36 2^64+1, which wraps to 1", stake("18446744073709551617"), problem.WrongType},
		{"36 a hundred digits", stake(strings.Repeat("9", 100)), problem.WrongType},
		{"36 NaN", stake("NaN"), problem.BadJSON},
		{"36 Infinity", stake("-Infinity"), problem.BadJSON},
		{"36 leading zero", stake("0100"), problem.BadJSON},
		{"36 plus sign", stake("+100"), problem.BadJSON},
		{"36 hexadecimal", stake("0x64"), problem.BadJSON},
		{"36 a boolean", stake("true"), problem.WrongType},
		{"36 a list", stake("[100]"), problem.WrongType},
		{"36 an object", stake("{}"), problem.WrongType},
		{"36 a number for a text", `{"game":1,"stake":100,"params":1}`, problem.WrongType},
		{"36 a list for the body", "[" + good + "]", problem.WrongType},
		{"36 a text for the body", `"` + strings.ReplaceAll(good, `"`, `\"`) + `"`, problem.WrongType},
		{"38 unknown field", `{"game":"dice","stake":100,"params":1,"payout":1000000}`, problem.UnknownField},
		{"38 empty name", `{"game":"dice","stake":100,"params":1,"":1}`, problem.UnknownField},
		{"38 missing field", `{"game":"dice","params":1}`, problem.MissingField},
		{"38 empty object", `{}`, problem.MissingField},
		{"39 33 levels", nested(32), problem.TooDeep},
		{"39 8,000 levels", strings.Repeat("[", 8000), problem.TooDeep},
		{"42 NUL escape", `{"game":"di\u0000ce","stake":100,"params":1}`, problem.BadText},
		{"42 NUL escape in a name", `{"ga\u0000me":"dice","stake":100,"params":1}`, problem.BadText},
		{"42 NUL escape in raw params", `{"game":"dice","stake":100,"params":{"x":"\u0000"}}`, problem.BadText},
		{"42 NUL byte", "{\"game\":\"di\x00ce\",\"stake\":100,\"params\":1}", problem.BadJSON},
		{"43 high surrogate alone", `{"game":"\ud800","stake":100,"params":1}`, problem.BadText},
		{"43 low surrogate alone", `{"game":"\udc00","stake":100,"params":1}`, problem.BadText},
		{"43 two high surrogates", `{"game":"\ud800\ud800","stake":100,"params":1}`, problem.BadText},
		{"43 surrogates in the wrong order", `{"game":"\udc00\ud800","stake":100,"params":1}`, problem.BadText},
		{"43 high surrogate and a letter", `{"game":"\ud800x","stake":100,"params":1}`, problem.BadText},
		{"43 lone surrogate in raw params", `{"game":"dice","stake":100,"params":"\ud800"}`, problem.BadText},
		{"43 bad UTF-8", "{\"game\":\"\xff\",\"stake\":100,\"params\":1}", problem.BadText},
		{"43 overlong UTF-8", "{\"game\":\"\xc0\xaf\",\"stake\":100,\"params\":1}", problem.BadText},
		{"43 surrogate as UTF-8", "{\"game\":\"\xed\xa0\x80\",\"stake\":100,\"params\":1}", problem.BadText},
		{"43 byte order mark", "\ufeff" + good, problem.BadJSON},
		{"43 UTF-16", "{\x00}\x00", problem.BadJSON},
		{"raw newline in a text", "{\"game\":\"a\nb\",\"stake\":100,\"params\":1}", problem.BadJSON},
		{"half a text", `{"game":"dice`, problem.BadJSON},
		{"half an escape", `{"game":"\u00`, problem.BadJSON},
		{"escape that is none", `{"game":"\x41","stake":1,"params":1}`, problem.BadJSON},
		{"a comment", `{"game":"dice",/**/"stake":100,"params":1}`, problem.BadJSON},
		{"single quotes", `{'game':'dice'}`, problem.BadJSON},
	}
	for _, tt := range tests {
		got, err := read(tt.body)
		if code(err) != tt.want {
			t.Errorf("%s: code %q, want %q (%v, %+v)", tt.name, code(err), tt.want, err, got)
			continue
		}
		p := problem.From(err)
		if p.Status != 400 {
			t.Errorf("%s: status %d, want 400", tt.name, p.Status)
		}
		if strings.Contains(p.Detail, "money.") || strings.Contains(p.Detail, "json:") || len(p.Detail) > 200 {
			t.Errorf("%s: detail shows the inside: %s", tt.name, p.Detail)
		}
	}
}

func TestUnmarshalNeverRoundsAFloat(t *testing.T) { // row 44
	t.Parallel()
	var v struct {
		Any   any     `json:"any"`
		Float float64 `json:"float"`
	}
	for body, want := range map[string]problem.Code{
		`{"any":9007199254740991,"float":0.5}`:        "",
		`{"any":9007199254740993,"float":1}`:          problem.WrongType,
		`{"any":[{"x":-9007199254740993}],"float":1}`: problem.WrongType,
		`{"any":1,"float":9007199254740993}`:          problem.WrongType,
		`{"any":1,"float":1e400}`:                     problem.WrongType,
		`{"any":null,"float":1}`:                      problem.WrongType,
	} {
		if err := strictjson.Unmarshal([]byte(body), &v); code(err) != want {
			t.Errorf("%s: %v, want %q", body, err, want)
		}
	}
}

func TestUnmarshalFollowsTheType(t *testing.T) {
	t.Parallel()
	type inner struct {
		X int  `json:"x"`
		Y *int `json:"y"`
	}
	type embedded struct {
		Base int `json:"base"`
	}
	type outer struct {
		embedded
		ID     uuid.UUID        `json:"id"`
		Inner  inner            `json:"inner"`
		Near   *inner           `json:"near"`
		Far    *inner           `json:"far,omitzero"`
		List   []inner          `json:"list,omitempty"`
		Map    map[string]inner `json:"map,omitempty"`
		Hidden int              `json:"-"`
	}
	const whole = `{"base":1,"id":"01939c5a-0000-7000-8000-000000000001","inner":{"x":1}}`
	replaced := func(from, to string) string { return strings.Replace(whole, from, to, 1) }
	for body, want := range map[string]problem.Code{
		whole:                                                      problem.Code(""),
		replaced(`{"base":1,`, `{`):                                problem.MissingField,
		replaced(`{"x":1}`, `{}`):                                  problem.MissingField,
		replaced(`{"x":1}`, `{"x":null}`):                          problem.WrongType,
		replaced(`{"x":1}`, `{"x":1,"y":null}`):                    "",
		replaced(`{"x":1}`, `{"x":1},"near":{}`):                   problem.MissingField,
		replaced(`{"x":1}`, `{"x":1},"near":null`):                 "",
		replaced(`{"x":1}`, `{"x":1},"far":{"x":1}`):               "",
		replaced(`{"x":1}`, `{"x":1},"far":null`):                  problem.WrongType,
		replaced(`{"x":1}`, `{"x":1},"list":[{"x":1},{}]`):         problem.MissingField,
		replaced(`{"x":1}`, `{"x":1},"list":[null]`):               problem.WrongType,
		replaced(`{"x":1}`, `{"x":1},"map":{"a":{}}`):              problem.MissingField,
		replaced(`{"x":1}`, `{"x":1},"map":{"a":null}`):            problem.WrongType,
		replaced(`{"x":1}`, `{"x":1},"Hidden":1`):                  problem.UnknownField,
		replaced(`"01939c5a-0000-7000-8000-000000000001"`, `"x"`):  problem.WrongType,
		replaced(`"01939c5a-0000-7000-8000-000000000001"`, `null`): problem.WrongType,
	} {
		var v outer
		if err := strictjson.Unmarshal([]byte(body), &v); code(err) != want {
			t.Errorf("%s: %v, want %q", body, err, want)
		}
	}
}

func TestProblemsNameThePlace(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{"game":"dice","stake":null,"params":1}`:         "/stake",
		`{"game":"dice","stake":"1","params":1}`:          "/stake",
		`{"game":"dice","params":1}`:                      "/stake",
		`{"game":"dice","stake":1,"stake":1,"params":1}`:  "/stake",
		`{"game":"dice","stake":1,"params":1,"tags":[1]}`: "/tags/0",
		`{"game":"dice","stake":1,"params":1,"x":1}`:      "/x",
		`null`: " / ",
		`{"` + strings.Repeat("é", 200) + `":1}`: "...",
	} {
		var b bet
		if err := strictjson.Unmarshal([]byte(body), &b); err == nil || !strings.Contains(problem.From(err).Detail, want) {
			t.Errorf("%s: %v, want a detail with %q", body, err, want)
		}
	}
}

func FuzzUnmarshal(f *testing.F) {
	for _, seed := range []string{good, "null", `{"game":"\ud83d\ude00","stake":-1,"params":{"a":[1,2.5e3,null]},"note":null,"tags":["x"]}`, `{"stake":9223372036854775808}`, "[[[", `"\u0000"`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var b bet
		err := strictjson.Unmarshal(body, &b)
		if err != nil {
			if code(err) == "?" || problem.From(err).Status != 400 {
				t.Fatalf("%q: not a 400 problem: %v", body, err)
			}
			return
		}
		// What is accepted means the same to the standard library, and survives
		// a second reading.
		var lax bet
		if err := json.Unmarshal(body, &lax); err != nil {
			t.Fatalf("%q: accepted, but encoding/json says %v", body, err)
		}
		if diff := cmp.Diff(lax, b); diff != "" {
			t.Fatalf("%q is read in two ways (-lax +strict):\n%s", body, diff)
		}
		if !bytes.Contains(body, []byte(strconv.FormatInt(int64(b.Stake), 10))) && b.Stake != 0 {
			t.Fatalf("%q: the stake %d is not in the text", body, b.Stake)
		}
		again, err := json.Marshal(b)
		if err != nil {
			t.Fatal(err)
		}
		var second bet
		if err := strictjson.Unmarshal(again, &second); err != nil {
			t.Fatalf("%q became %q, which is refused: %v", body, again, err)
		}
	})
}

func BenchmarkUnmarshal(b *testing.B) {
	body := []byte(`{"game":"dice","table":"dice-1","stake":100,"params":{"direction":"under","target":5000}}`)
	for b.Loop() {
		var v struct {
			Game   string          `json:"game"`
			Table  string          `json:"table"`
			Stake  money.Amount    `json:"stake"`
			Params json.RawMessage `json:"params"`
		}
		if err := strictjson.Unmarshal(body, &v); err != nil {
			b.Fatal(err)
		}
	}
}
