package socketio

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAClaimIsTakenOutOfTheAuth(t *testing.T) {
	t.Parallel()
	const pid = "AZaz09-_AZaz09-_AZaz"
	for _, tc := range []struct {
		auth string
		want claim
		rest string
	}{
		{`{}`, claim{}, `{}`},
		{`{"token":"x","offset":"kept"}`, claim{}, `{"token":"x","offset":"kept"}`},
		{`{"pid":"` + pid + `"}`, claim{pid: pid}, `{}`},
		{`{"pid":"` + pid + `","offset":"e.1","token":"x"}`, claim{pid, "e.1"}, `{"token":"x"}`},
		{` { "b" : [ {"pid":1} , "}" ] , "pid" : "` + pid + `" , "a\"" : 1e5 , "\u006fffset" : "~" } `, claim{pid, "~"}, `{"b" : [ {"pid":1} , "}" ],"a\"" : 1e5}`},
		{`{"PID":"` + pid + `"}`, claim{}, `{"PID":"` + pid + `"}`},
		{`{"pid":"short"}`, claim{}, `{"pid":"short"}`},
		{`{"pid":"` + pid + `","offset":1}`, claim{}, `{"pid":"` + pid + `","offset":1}`},
		{`{"pid":"` + pid + `","offset":"\""}`, claim{}, `{"pid":"` + pid + `","offset":"\""}`},
		{`{"pid":null}`, claim{}, `{"pid":null}`},
	} {
		got, rest := newClaim(json.RawMessage(tc.auth))
		if got != tc.want || string(rest) != tc.rest {
			t.Errorf("%s: claim %v, rest %s", tc.auth, got, rest)
		}
	}
}

// FuzzClaim checks that what is left is the object without two of its members.
func FuzzClaim(f *testing.F) {
	f.Add(`{"pid":"AZaz09-_AZaz09-_AZaz","offset":"e.1","a":[1,{"b":"}"}]}`)
	f.Add(` { "\u0070id" : "AZaz09-_AZaz09-_AZaz" , "a" : 1 , "a" : { } } `)
	f.Fuzz(func(t *testing.T, auth string) {
		var whole map[string]json.RawMessage
		if auth == "" || json.Unmarshal([]byte(auth), &whole) != nil || whole == nil {
			return
		}
		c, rest := newClaim(json.RawMessage(auth))
		var got map[string]json.RawMessage
		if err := json.Unmarshal(rest, &got); err != nil {
			t.Fatalf("%s: rest is %s: %v", auth, rest, err)
		}
		if c.pid != "" {
			delete(whole, "pid")
			delete(whole, "offset")
		}
		if diff := cmp.Diff(whole, got); diff != "" {
			t.Errorf("%s: %s", auth, diff)
		}
	})
}
