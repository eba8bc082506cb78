// Package page is the small web page of the dice table, ready to be served: plain
// files, no build step, nothing loaded from elsewhere. The Socket.IO client comes
// from the realtime service under /socket.io/, so it always fits the server.
package page

import (
	"embed"
	"io/fs"
)

// Files holds index.html, app.js, style.css, favicon.svg and the modules in js/ at
// the root of the file system.
//
//go:embed index.html app.js style.css favicon.svg js/*.js
var Files embed.FS

// Policy is a Content-Security-Policy under which the page works in full. 'self' in
// connect-src covers the websocket of the same host in browsers that follow CSP 3.
const Policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

//go:embed check/index.html check/check.js
var check embed.FS

// Check holds the page that checks a round, to be served under /verify/ with verify.wasm
// (services/actions/cmd/verify, built for js/wasm) and Go's wasm_exec.js beside it.
func Check() fs.FS {
	files, err := fs.Sub(check, "check")
	if err != nil {
		panic(err) // the name is a constant
	}
	return files
}

// CheckPolicy is Policy with leave to compile that code.
const CheckPolicy = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
