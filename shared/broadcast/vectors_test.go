package broadcast

import (
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What the JavaScript encoder (notepack.io 3) writes for the same JSON.
func TestAppendMsgpackWritesWhatNodeWrites(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ json, want string }{
		{`0`, "00"},
		{`-0`, "00"},
		{`127`, "7f"},
		{`128`, "cc80"},
		{`255`, "ccff"},
		{`256`, "cd0100"},
		{`65535`, "cdffff"},
		{`65536`, "ce00010000"},
		{`4294967295`, "ceffffffff"},
		{`4294967296`, "cf0000000100000000"},
		{`9007199254740991`, "cf001fffffffffffff"},
		{`-1`, "ff"},
		{`-32`, "e0"},
		{`-33`, "d0df"},
		{`-128`, "d080"},
		{`-129`, "d1ff7f"},
		{`-32768`, "d18000"},
		{`-32769`, "d2ffff7fff"},
		{`-2147483648`, "d280000000"},
		{`-2147483649`, "d3ffffffff7fffffff"},
		{`-9007199254740991`, "d3ffe0000000000001"},
		{`1.0`, "01"},
		{`1e2`, "64"},
		{`0.5`, "cb3fe0000000000000"},
		{`-1.25`, "cbbff4000000000000"},
		{`5e-324`, "cb0000000000000001"},
		{` true `, "c3"},
		{`false`, "c2"},
		{`null`, "c0"},
		{`""`, "a0"},
		{`"` + strings.Repeat("a", 31) + `"`, "bf" + strings.Repeat("61", 31)},
		{`"` + strings.Repeat("a", 32) + `"`, "d920" + strings.Repeat("61", 32)},
		{`"h\u00e9\ud83d\ude00\n\"\\\/"`, "ab68c3a9f09f98800a225c2f"},
		{`"é😀"`, "a6c3a9f09f9880"},
		{`[]`, "90"},
		{`{}`, "80"},
		{`{"b":1,"a":{"z":[1,2,{"y":null}],"c":"x"}}`, "82a16201a16182a17a93010281a179c0a163a178"},
		{`[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15]`, "9f0102030405060708090a0b0c0d0e0f"},
		{`[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16]`, "dc00100102030405060708090a0b0c0d0e0f10"},
		// Better than Node, which loses the digits of these.
		{`9007199254740993`, "cf0020000000000001"},
		{`18446744073709551615`, "cfffffffffffffffff"},
		{`-9223372036854775808`, "d38000000000000000"},
		{`18446744073709551616`, "cb43f0000000000000"},
		{`1e300`, "cb7e37e43c8800759c"},
		{`"\ud800x"`, "a4efbfbd78"},
		{`"\ud800\u0041"`, "a4efbfbd41"},
		{"\"\xff\"", "a3efbfbd"},
	} {
		got, err := AppendMsgpack([]byte("x"), []byte(test.json))
		if err != nil || hex.EncodeToString(got) != "78"+test.want {
			t.Errorf("AppendMsgpack(%s) = %x, %v; want 78%s", test.json, got, err, test.want)
		}
	}
}

// Left: what Node's encoder writes or a peer may write; right: what JSON.stringify
// makes of it after Node's decoder.
func TestAppendJSONWritesWhatNodeWrites(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ msgpack, want string }{
		{"d6ff00000000", `"1970-01-01T00:00:00.000Z"`},
		{"d7ff003d090000000000", `"1970-01-01T00:00:00.001Z"`},
		{"d6ff6553f100", `"2023-11-14T22:13:20.000Z"`},
		{"d7ff1d5353006553f100", `"2023-11-14T22:13:20.123Z"`},
		{"c70cff3b8b87c0ffffffffffffffff", `"1969-12-31T23:59:59.999Z"`},
		{"c70cff00000000fffffff1886e0900", `"0001-01-01T00:00:00.000Z"`},
		{"c70cff00000000000007dba8218000", `"+275760-09-13T00:00:00.000Z"`},
		{"c70cff00000000fffff82457de8000", `"-271821-04-20T00:00:00.000Z"`},
		{"c70cff000000000000003afff44180", `"+010000-01-01T00:00:00.000Z"`},
		{"c70cff000000000000000400000000", `"2514-05-30T01:53:04.000Z"`},
		{"c70cff00000000000007dba8218001", `null`},
		{"c70cff000000007fffffffffffffff", `null`},
		{"d40000", `null`},
		{"cb7ff8000000000000", `null`},
		{"cb7ff0000000000000", `null`},
		{"cb8000000000000000", `0`},
		{"cb444b1ae4d6e2ef50", `1e+21`},
		{"cb4415af1d78b58c40", `100000000000000000000`},
		{"cb419d6f3454800000", `123456789.125`},
		{"cb3eb0c6f7a0b5ed8d", `0.000001`},
		{"cb3e7ad7f29abcaf48", `1e-7`},
		{"cb3de49da7e361ce4c", `1.5e-10`},
		{"cbbeb0c6f7a0b5ed8d", `-0.000001`},
		{"cb7fefffffffffffff", `1.7976931348623157e+308`},
		{"ca3f800000", `1`},
		{"ca3dcccccd", `0.10000000149011612`},
		{"cf0020000000000001", `9007199254740993`},
		{"d38000000000000000", `-9223372036854775808`},
		{"a93c2f22262709085c7f", `"</\"&'\t\b\\` + "\x7f" + `"`},
		{"a3e280a8", "\"\u2028\""},
		{"a161", `"a"`},
		{"a301020d", `"\u0001\u0002\r"`},
		{"a2c328", "\"\uFFFD(\""},
		{"82a162c3a16193c2c001", `{"b":true,"a":[false,null,1]}`},
		{"8301c3ffc3c0c3", `{"1":true,"-1":true,"null":true}`},
		{"de000101a162", `{"1":"b"}`},
		{"dd00000001c0", `[null]`},
	} {
		raw, err := hex.DecodeString(test.msgpack)
		if err != nil {
			t.Fatal(err)
		}
		got, bins, rest, err := AppendJSON([]byte("x"), append(raw, 0xff))
		if err != nil || string(got) != "x"+test.want || len(bins) != 0 || len(rest) != 1 {
			t.Errorf("AppendJSON(%s) = %q, %x, %x, %v; want x%s and one byte left", test.msgpack, got, bins, rest, err, test.want)
		}
	}
}

func TestByteArraysTravelAsPlaceholders(t *testing.T) {
	t.Parallel()
	const text = `["bin",{"_placeholder":true,"num":1},{"a":{"num":0,"_placeholder":true}}]`
	first, second := []byte{1, 2, 3, 4}, []byte{}
	const want = "93a362696ec40081a161c40401020304"
	packed, err := AppendMsgpack(nil, []byte(text), first, second)
	if err != nil || hex.EncodeToString(packed) != want {
		t.Fatalf("AppendMsgpack = %x, %v; want %s", packed, err, want)
	}
	got, bins, _, err := AppendJSON(nil, packed)
	const renumbered = `["bin",{"_placeholder":true,"num":0},{"a":{"_placeholder":true,"num":1}}]`
	if err != nil || string(got) != renumbered {
		t.Errorf("AppendJSON = %s, %v; want %s", got, err, renumbered)
	}
	if diff := cmp.Diff([][]byte{second, first}, bins); diff != "" {
		t.Errorf("attachments (-want +got):\n%s", diff)
	}
}

func TestWithoutAttachmentsAPlaceholderIsAnObject(t *testing.T) {
	t.Parallel()
	const text = `[{"_placeholder":true,"num":7}]`
	packed, err := AppendMsgpack(nil, []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if got, bins, _, err := AppendJSON(nil, packed); err != nil || string(got) != text || len(bins) != 0 {
		t.Errorf("AppendJSON = %s, %x, %v; want %s", got, bins, err, text)
	}
}

func TestTranscodersRefuse(t *testing.T) {
	t.Parallel()
	one := [][]byte{{1}}
	for name, test := range map[string]struct {
		json string
		bins [][]byte
		want error
	}{
		"nothing":            {"", nil, ErrSyntax},
		"two values":         {"1 2", nil, ErrSyntax},
		"zero byte":          {"1\x00", nil, ErrSyntax},
		"leading zero":       {"01", nil, ErrSyntax},
		"no digits":          {"-", nil, ErrSyntax},
		"no fraction":        {"1.", nil, ErrSyntax},
		"no exponent":        {"1e+", nil, ErrSyntax},
		"comma at the end":   {"[1,]", nil, ErrSyntax},
		"no comma":           {"[1 2]", nil, ErrSyntax},
		"open array":         {"[1", nil, ErrSyntax},
		"key without quotes": {"{a:1}", nil, ErrSyntax},
		"no colon":           {`{"a" 1}`, nil, ErrSyntax},
		"open string":        {`"a`, nil, ErrSyntax},
		"open escape":        {`"a\`, nil, ErrSyntax},
		"unknown escape":     {`"\x"`, nil, ErrSyntax},
		"short escape":       {`"\u12"`, nil, ErrSyntax},
		"line break":         {"\"\n\"", nil, ErrSyntax},
		"line break, later":  {"\"\\n\n\"", nil, ErrSyntax},
		"capital":            {"True", nil, ErrSyntax},
		"deep":               {strings.Repeat("[", MaxDepth+1) + strings.Repeat("]", MaxDepth+1), nil, ErrDepth},
		"named too often":    {`[` + strings.Repeat(`{"_placeholder":true,"num":0},`, MaxNamed) + `{"_placeholder":true,"num":0}]`, one, ErrPlaceholder},
		"often by one key":   {`{"a":0` + strings.Repeat(`,"a":{"_placeholder":true,"num":0}`, MaxNamed+1) + `}`, one, ErrPlaceholder},
		"beyond the last":    {`{"_placeholder":true,"num":1}`, one, ErrPlaceholder},
		"before the first":   {`{"_placeholder":true,"num":-1}`, one, ErrPlaceholder},
		"no number":          {`{"_placeholder":true,"num":"0"}`, one, ErrPlaceholder},
		"no num":             {`{"_placeholder":true}`, one, ErrPlaceholder},
	} {
		if got, err := AppendMsgpack([]byte("x"), []byte(test.json), test.bins...); !errors.Is(err, test.want) || string(got) != "x" {
			t.Errorf("%s: AppendMsgpack = %x, %v; want %v and nothing appended", name, got, err, test.want)
		}
	}
	for name, packed := range map[string]string{
		"nothing":                  "",
		"reserved code":            "\xc1",
		"count beyond the end":     "\xdd\xff\xff\xff\xff",
		"map beyond the end":       "\x81\xa1a",
		"short map count":          "\x82\xa1a\x01",
		"text beyond the end":      "\xdb\xff\xff\xff\xffa",
		"bytes beyond the end":     "\xc6\xff\xff\xff\xffa",
		"key is an array":          "\x81\x90\x01",
		"key is bytes":             "\x81\xc4\x01a\x01",
		"unknown extension":        "\xd4\x05\x01",
		"wide extension":           "\xc8\x00\x04\xff\x00\x00\x00\x00",
		"short timestamp":          "\xd6\xff\x00",
		"timestamp of odd size":    "\xd5\xff\x00\x00",
		"deep":                     strings.Repeat("\x91", MaxDepth+1) + "\xc0",
		"bytes beside placeholder": "\x92\xc4\x01a\x81\xac_placeholder\xc3",
	} {
		if got, bins, rest, err := AppendJSON([]byte("x"), []byte(packed)); err == nil || string(got) != "x" || bins != nil || string(rest) != packed {
			t.Errorf("%s: AppendJSON = %q, %x, %x, %v; want an error and nothing appended", name, got, bins, rest, err)
		}
	}
}

func TestLongContainersGetWiderHeaders(t *testing.T) {
	t.Parallel()
	for count, header := range map[int]string{15: "9f", 16: "dc0010", 1<<16 - 1: "dcffff", 1 << 16: "dd00010000"} {
		text := "[" + strings.Repeat("7,", count-1) + "7]"
		packed, err := AppendMsgpack([]byte("x"), []byte(text))
		if want := "78" + header + strings.Repeat("07", count); err != nil || hex.EncodeToString(packed) != want {
			t.Errorf("%d elements: %.20x..., %v; want %.20s...", count, packed, err, want)
		}
	}
}

func TestNestingIsAllowedUpToTheBound(t *testing.T) {
	t.Parallel()
	text := strings.Repeat("[", MaxDepth) + strings.Repeat("]", MaxDepth)
	packed, err := AppendMsgpack(nil, []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if got, _, _, err := AppendJSON(nil, packed); err != nil || string(got) != text {
		t.Errorf("AppendJSON = %s, %v", got, err)
	}
}
