package socketio

import (
	"encoding/json"
	"slices"
	"strings"
)

// maxOffset is how long an offset may be that a client brings along, in bytes.
const maxOffset = 128

// claim is what a client brings along that wants to go on.
type claim struct{ pid, offset string }

// newClaim takes a claim out of what a client sent to connect, so that the secret
// is not seen, logged or published with the rest.
func newClaim(auth json.RawMessage) (claim, json.RawMessage) {
	var c claim
	var sent map[string]json.RawMessage
	if json.Unmarshal(auth, &sent) != nil || json.Unmarshal(sent["pid"], &c.pid) != nil || !isID(c.pid) {
		return claim{}, auth
	}
	if text, ok := sent["offset"]; ok && (json.Unmarshal(text, &c.offset) != nil || !isOffset(c.offset)) {
		return claim{}, auth
	}
	return c, without(auth, "pid", "offset")
}

// isID reports whether a text can be from newID.
func isID(text string) bool {
	return len(text) == idLength && strings.Trim(text, idCharacters) == ""
}

// idCharacters are those of base64url.
const idCharacters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

// isOffset reports whether a text can be from a Journal, or is empty.
func isOffset(text string) bool {
	return len(text) <= maxOffset && !slices.ContainsFunc([]byte(text), func(c byte) bool {
		return c < ' ' || c > '~' || c == '"' || c == '\\'
	})
}

// without returns a valid JSON object without the members of these names. The text
// of the others stays as it is.
func without(object json.RawMessage, names ...string) json.RawMessage {
	rest := []byte{'{'}
	for i := skipSpace(object, 0) + 1; i < len(object); {
		if i = skipSpace(object, i); object[i] == ',' {
			i = skipSpace(object, i+1)
		}
		if object[i] == '}' {
			break
		}
		begin, nameEnd := i, stringEnd(object, i)
		i = valueEnd(object, skipSpace(object, skipSpace(object, nameEnd)+1)) // behind the colon
		var name string
		if json.Unmarshal(object[begin:nameEnd], &name) == nil && slices.Contains(names, name) {
			continue
		}
		if len(rest) > 1 {
			rest = append(rest, ',')
		}
		rest = append(rest, object[begin:i]...)
	}
	return append(rest, '}')
}
