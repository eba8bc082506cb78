package socketio

import (
	"encoding/json"
	"errors"
)

// ConnectError is how middleware refuses a client: the client's
// "connect_error" handler receives both fields.
type ConnectError struct {
	Message string
	Data    any // any JSON value; nil leaves it out
}

func (e *ConnectError) Error() string { return e.Message }

var (
	errInvalidNamespace = &ConnectError{Message: "Invalid namespace"}
	// errRefused stands for errors that were not made for clients to read.
	errRefused = &ConnectError{Message: "connection refused"}
)

// packet is the answer to a refused connect.
func (e *ConnectError) packet(namespace string) (Packet, error) {
	body := struct {
		Message string `json:"message"`
		Data    any    `json:"data,omitempty"`
	}{e.Message, e.Data}
	data, err := appendJSON(nil, body)
	return Packet{Type: ConnectErrorPacket, Namespace: namespace, Data: data}, err
}

// forClient returns what a client may know of an error; known says that the
// error was made for it.
func forClient(err error) (refusal *ConnectError, known bool) {
	if errors.As(err, &refusal) {
		return refusal, true
	}
	return errRefused, false
}

// connected is the answer to an accepted connect; pid is empty where nothing can
// be recovered.
func connected(namespace, id, pid string) Packet {
	data, _ := json.Marshal(struct {
		SID string `json:"sid"`
		PID string `json:"pid,omitempty"`
	}{id, pid}) // strings always marshal
	return Packet{Type: ConnectPacket, Namespace: namespace, Data: data}
}
