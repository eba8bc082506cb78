// Package client serves the Socket.IO client to browsers, so that a page needs no
// other host and no build step.
package client

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"net/http"
	"time"
)

// script is dist/socket.io.min.js of the npm package socket.io-client, without the
// reference to its source map; a test compares the two.
//
//go:embed socket.io.min.js
var script []byte

// Handler answers with the script. Browsers ask again each time and get 304 while
// it is the same.
func Handler() http.Handler {
	sum := sha256.Sum256(script)
	tag := `"` + hex.EncodeToString(sum[:8]) + `"`
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Type", "text/javascript; charset=utf-8")
		h.Set("Cache-Control", "no-cache")
		h.Set("ETag", tag)
		h.Set("Cross-Origin-Resource-Policy", "cross-origin") // pages of other hosts may load it
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(script))
	})
}
