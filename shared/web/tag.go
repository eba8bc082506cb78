package web

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// WriteTagged answers a GET with v as JSON under an entity tag of its bytes, and with 304
// alone when the caller has those already (RFC 9110, section 13.1.2). The caller may keep
// the answer but has to ask each time whether it still holds.
func WriteTagged(w http.ResponseWriter, r *http.Request, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode reply: %w", err)
	}
	WriteTaggedRaw(w, r, body)
	return nil
}

// WriteTaggedRaw is WriteTagged for a body that is JSON already: it is sent byte for byte.
func WriteTaggedRaw(w http.ResponseWriter, r *http.Request, body []byte) {
	h := w.Header()
	h.Set("Cache-Control", "private, no-cache")
	h.Add("Vary", "Authorization") // one player's answer is not another's
	if !Unchanged(w, r, body) {
		WriteRaw(w, http.StatusOK, body)
	}
}

// Unchanged puts an entity tag of the body on the answer to a GET. When the caller has that
// body already it answers with 304 and returns true: there is nothing more to write.
// Cache-Control is the handler's to set.
func Unchanged(w http.ResponseWriter, r *http.Request, body []byte) bool {
	sum := sha256.Sum256(body)
	tag := `"` + hex.EncodeToString(sum[:8]) + `"`
	w.Header().Set("ETag", tag)
	if !matches(r.Header.Values("If-None-Match"), tag) {
		return false
	}
	w.WriteHeader(http.StatusNotModified)
	return true
}

// matches reports whether a list of tags has the tag; weak ones count (RFC 9110, section
// 8.8.3.2). Our tags hold no comma.
func matches(lists []string, tag string) bool {
	for _, list := range lists {
		for one := range strings.SplitSeq(list, ",") {
			if one = strings.TrimSpace(one); one == "*" || strings.TrimPrefix(one, "W/") == tag {
				return true
			}
		}
	}
	return false
}
