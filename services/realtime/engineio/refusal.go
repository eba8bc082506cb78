package engineio

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"
)

// Codes of the JSON body of a refused request. 0 to 5 are those of the
// reference server; the others are ours.
const (
	codeUnknownTransport   = 0
	codeUnknownSession     = 1
	codeBadHandshakeMethod = 2
	codeBadRequest         = 3
	codeForbidden          = 4
	codeUnsupportedVersion = 5
	codeDraining           = 6
	codeUnreachable        = 7
	codeTooMany            = 8
	codeBusy               = 9
)

// Refusal is an error that is answered over HTTP with its status and the body
// {"code":Code,"message":"Message"}.
type Refusal struct {
	Status     int
	Code       int
	Message    string        // shown to the client
	RetryAfter time.Duration // header Retry-After, in whole seconds, when positive
}

func (r *Refusal) Error() string { return "request refused: " + r.Message }

var (
	errUnknownTransport   = &Refusal{Status: http.StatusBadRequest, Code: codeUnknownTransport, Message: "Transport unknown"}
	errUnknownSession     = &Refusal{Status: http.StatusBadRequest, Code: codeUnknownSession, Message: "Session ID unknown"}
	errBadHandshakeMethod = &Refusal{Status: http.StatusBadRequest, Code: codeBadHandshakeMethod, Message: "Bad handshake method"}
	errBadRequest         = &Refusal{Status: http.StatusBadRequest, Code: codeBadRequest, Message: "Bad request"}
	errForbidden          = &Refusal{Status: http.StatusForbidden, Code: codeForbidden, Message: "Forbidden"}
	errUnsupportedVersion = &Refusal{Status: http.StatusBadRequest, Code: codeUnsupportedVersion, Message: "Unsupported protocol version"}
	errDraining           = &Refusal{Status: http.StatusServiceUnavailable, Code: codeDraining, Message: "Server shutting down", RetryAfter: time.Second}
	errUnreachable        = &Refusal{Status: http.StatusServiceUnavailable, Code: codeUnreachable, Message: "Session out of reach", RetryAfter: time.Second}
)

// refuse answers a request with err. The connection is closed after it: what
// follows a refused handshake may already be websocket frames.
func refuse(w http.ResponseWriter, err error) {
	var refusal *Refusal
	if !errors.As(err, &refusal) {
		refusal = errForbidden
	}
	body, _ := json.Marshal(struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
	}{refusal.Code, refusal.Message}) // an int and a string always encode
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("Connection", "close")
	if refusal.RetryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(int((refusal.RetryAfter+time.Second-1)/time.Second)))
	}
	w.WriteHeader(refusal.Status)
	w.Write(body)
}
