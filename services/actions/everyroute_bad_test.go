package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/vegascore/vegascore/services/actions/internal/openapi"
)

// description is what the service says of itself.
func description(t *testing.T) []byte {
	t.Helper()
	return openapi.Document()
}

// badRequest is a request with one thing wrong, and the code that it must get; "" is any.
type badRequest struct {
	what, text, code string
	known            bool // a method that other paths have: Allow is the path's own
}

// bad is everything that can be wrong at the route.
func (r route) bad() (all []badRequest) {
	add := func(code, what, text string) { all = append(all, badRequest{what: what, text: text, code: code}) }
	for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW", "CONNECT"} {
		if !slices.Contains(r.allowed, method) {
			other := r
			other.method = method
			add("method_not_allowed", method, other.request(r.path, r.good()))
			all[len(all)-1].known = !slices.Contains([]string{"TRACE", "BREW", "CONNECT"}, method)
		}
	}
	r.badTokens(add)
	r.badIDs(add)
	r.badQueries(add)
	if r.keyed {
		r.badKeys(add)
	}
	if r.body != nil {
		r.badBodies(add)
		r.badMembers(add)
		r.badSizes(add)
	}
	return all
}

type adder = func(code, what, text string)

func (r route) badIDs(add adder) {
	before, rest, found := strings.Cut(r.pattern, "{")
	if !found {
		return
	}
	_, after, _ := strings.Cut(rest, "}")
	for _, id := range []string{
		"x", "7", "00000000-0000-0000-0000-000000000000", "01890a5d-ac96-774b-bcce-b302099a8057", "01890A5D-AC96-774B-BCCE-B302099A8057",
		"%7B01890a5d-ac96-774b-bcce-b302099a8057%7D", "01890a5dac96774bbcceb302099a8057", "%00", "%ff", "%0d%0a", "%E2%80%8B", "a%2Fb", "%2e%2e", "'%20OR%201=1--", "';--", "-1", strings.Repeat("a", 10<<10),
	} {
		add("not_found", "id "+id[:min(len(id), 40)], r.request(before+id+after, r.good()))
	}
	own := strings.TrimSuffix(strings.TrimPrefix(r.path, before), after)
	add("not_found", "its id in capitals", r.request(before+strings.ToUpper(own)+after, r.good()))
	for _, id := range r.others {
		add("not_found", "somebody else's", r.request(before+id+after, r.good()))
	}
}

// badQueries tries what is a number, or one of a few words, with what is not.
func (r route) badQueries(add adder) {
	for _, p := range r.op.Parameters {
		if p.Value.In != "query" {
			continue
		}
		schema := p.Value.Schema.Value
		name := p.Value.Name
		words := []string{"x%00", "%ff", "%zz", "1;x=2", "1&" + name + "=2"}
		switch {
		case schema.Type.Is("integer"):
			words = append(words, "-1", "0", "1.5", "1e2", "0x10", "9999", "99999999999999999999", "%201")
		case len(schema.Enum) > 0 || schema.Format != "" || p.Value.Name == "cursor":
			words = append(words, "nope", "DAY", "2026-13-45", "%27%3B--", strings.Repeat("a", 2000))
		} // any other text may stand there
		for _, word := range words {
			add("", p.Value.Name+"="+word[:min(len(word), 30)], r.request(r.path+"?"+p.Value.Name+"="+word, r.good()))
		}
	}
}

func (r route) badKeys(add adder) {
	for what, key := range map[string]string{
		"65 letters": strings.Repeat("k", 65), "a space": "a b", "a quote": `"k"`, "UTF-8": "ké", "two of them": "a\r\nIdempotency-Key: b", "a slash": "a/b", "a tab": "a\tb", "bad UTF-8": "k\xff",
	} {
		add("key_malformed", "a key of "+what, r.request(r.path, r.good(), "Idempotency-Key", key))
	}
	add("key_missing", "no key", r.request(r.path, r.good(), "Idempotency-Key", "-"))
	add("key_missing", "an empty key", r.request(r.path, r.good(), "Idempotency-Key", ""))
}

func (r route) badBodies(add adder) {
	good := r.good()
	inner := strings.TrimSuffix(strings.TrimPrefix(good, "{"), "}")
	with := func(more string) string { // one member more
		if inner == "" {
			return "{" + more + "}"
		}
		return "{" + inner + "," + more + "}"
	}
	for what, media := range map[string]string{"text": "text/plain", "a form": "application/x-www-form-urlencoded", "none": "-", "UTF-16": "application/json; charset=utf-16", "XML": "application/xml"} {
		add("unsupported_media_type", "content type "+what, r.request(r.path, good, "Content-Type", media))
	}
	add("unsupported_media_type", "gzip", r.request(r.path, good, "Content-Encoding", "gzip"))
	add("body_too_large", "a body that announces too much", r.request(r.path, good, "Content-Length", "1000000"))
	deep := strings.Repeat("[", 40) + strings.Repeat("]", 40)
	for _, b := range []struct{ code, what, body string }{
		{"bad_json", "no body", ""},
		{"bad_json", "cut off", good[:len(good)-1]},
		{"bad_json", "a second value", good + "{}"},
		{"bad_json", "trailing text", good + " x"},
		{"bad_json", "a comment", "/**/" + good},
		{"bad_json", "a trailing comma", "{" + inner + ",}"},
		{"", "NaN", with(`"note":NaN`)},
		{"wrong_type", "null", "null"},
		{"wrong_type", "a list", "[" + good + "]"},
		{"wrong_type", "a text", `"x"`},
		{"unknown_field", "a member more", with(`"note":1`)},
		{"unknown_field", "an amount more", with(`"balance":1000000`)},
		{"too_deep", "40 levels", with(`"note":` + deep)},
		{"bad_text", "half a pair", with(`"note":"\ud800"`)},
		{"bad_text", "bad UTF-8", with("\"note\":\"\xff\"")},
		{"bad_text", "an escaped NUL", with(`"note":"\u0000"`)},
		{"body_too_large", "20 KB", strings.Repeat(" ", 20<<10) + good},
	} {
		add(b.code, b.what, r.request(r.path, b.body))
	}
	for _, name := range slices.Sorted(maps.Keys(r.body)) {
		add("duplicate_field", name+" twice", r.request(r.path, with(fmt.Sprintf("%q:%s", name, r.body[name]))))
		add("duplicate_field", name+" by escape", r.request(r.path, with(fmt.Sprintf(`"\u%04x%s":%s`, name[0], name[1:], r.body[name]))))
		add("unknown_field", name+" in capitals", r.request(r.path, r.changed(name, strings.ToUpper(name), r.body[name])))
		for _, value := range r.wrong(name) {
			add("", name+": "+value, r.request(r.path, r.changed(name, name, json.RawMessage(value))))
		}
	}
}

// wrong are values of other types than a member has.
func (r route) wrong(name string) []string {
	all := []string{"null", "true", `[[]]`, `{"x":1}`, "9223372036854775808", "1e2", "1.5", "-1"}
	switch r.body[name][0] {
	case '"':
		return append(all, `""`, `"\ud83d"`, fmt.Sprintf("%q", strings.Repeat("a", 5000)))
	case '{', '[':
		return append(all, `"x"`)
	}
	return append(all, `"1"`, "01", "+1", "1.0")
}

// changed is the good body with a member under another name or with another value.
func (r route) changed(old, name string, value json.RawMessage) string {
	var members []string
	for _, member := range slices.Sorted(maps.Keys(r.body)) {
		if member == old {
			members = append(members, fmt.Sprintf("%q:%s", name, value))
		} else {
			members = append(members, fmt.Sprintf("%q:%s", member, r.body[member]))
		}
	}
	return "{" + strings.Join(members, ",") + "}"
}
