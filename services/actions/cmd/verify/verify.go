// Command verify checks a settled round from its bundle alone: the commitment, the
// outcome and the money.
//
//	verify [-json] [FILE]
//
// It reads the bundle from the file or, without one, from its input. It ends with 0 when
// the round is as the bundle says, 1 when it is not, and 2 when the bundle cannot be
// read.
//
// Built with GOOS=js GOARCH=wasm it is the same check for a browser: it defines the
// function verifyRound(text), which returns the report as JSON text.
package main

import (
	"encoding/json"

	"github.com/vegascore/vegascore/services/actions/internal/verify"
)

// report checks a bundle and returns the report as JSON, as both builds give it. A text
// that is no bundle is a report with an error.
func report(text []byte) ([]byte, verify.Report, error) {
	r, err := verify.Check(text)
	if err != nil {
		out, _ := json.Marshal(map[string]any{"ok": false, "error": err.Error()}) // strings and a bool always encode
		return out, r, err
	}
	out, err := json.Marshal(r)
	return out, r, err
}
