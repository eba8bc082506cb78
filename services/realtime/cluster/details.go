package cluster

import (
	"bytes"
	"encoding/json"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/vegascore/vegascore/services/realtime/engineio"
	"github.com/vegascore/vegascore/services/realtime/socketio"
)

// socketDetails is a socket as servers describe it to each other.
type socketDetails struct {
	ID        string            `json:"id"`
	Handshake *handshakeDetails `json:"handshake,omitempty"`
	Rooms     names             `json:"rooms"`
	Data      json.RawMessage   `json:"data,omitempty"`
}

type handshakeDetails struct {
	Headers map[string]values `json:"headers"`
	Time    string            `json:"time"`
	Address string            `json:"address"`
	XDomain bool              `json:"xdomain"`
	Secure  bool              `json:"secure"`
	Issued  int64             `json:"issued"` // milliseconds
	URL     string            `json:"url"`
	Query   map[string]values `json:"query"`
	Auth    json.RawMessage   `json:"auth"`
}

// values are what one header or parameter has: a text, or a list of several.
type values []string

func (v values) MarshalJSON() ([]byte, error) {
	if len(v) == 1 {
		return json.Marshal(v[0])
	}
	return json.Marshal([]string(v))
}

func (v *values) UnmarshalJSON(text []byte) error {
	*v = make(values, 1)
	if json.Unmarshal(text, &(*v)[0]) == nil {
		return nil
	}
	if json.Unmarshal(text, (*[]string)(v)) != nil {
		*v = values{string(text)} // of no form that servers have
	}
	return nil
}

// room is a room's name; Node's may be numbers.
type room string

func (r *room) UnmarshalJSON(text []byte) error {
	var number json.Number
	if json.Unmarshal(text, &number) == nil {
		*r = room(number)
		return nil
	}
	return json.Unmarshal(text, (*string)(r))
}

// names are rooms; an empty list and none are the same.
type names []room

func (n names) MarshalJSON() ([]byte, error) { return json.Marshal(append([]room{}, n...)) }

func (n names) texts() []string {
	texts := make([]string, 0, len(n))
	for _, r := range n {
		texts = append(texts, string(r))
	}
	return texts
}

func toNames(texts []string) names {
	n := make(names, 0, len(texts))
	for _, text := range texts {
		n = append(n, room(text))
	}
	return n
}

// dateText is the layout of a Date's text in JavaScript.
const dateText = "Mon Jan 02 2006 15:04:05 GMT+0000 (Coordinated Universal Time)"

// describe makes of our sockets what others understand.
func describe(sockets []socketio.RemoteSocket) []socketDetails {
	found := make([]socketDetails, 0, len(sockets))
	for i := range sockets {
		s := &sockets[i]
		h := &s.Handshake
		address, _, err := net.SplitHostPort(h.RemoteAddr)
		if err != nil {
			address = h.RemoteAddr
		}
		d := handshakeDetails{
			Headers: map[string]values{}, Query: map[string]values{},
			Time: h.Issued.UTC().Format(dateText), Address: address, XDomain: h.XDomain, Secure: h.Secure,
			Issued: h.Issued.UnixMilli(), URL: h.URL, Auth: s.Auth,
		}
		for name, list := range h.Headers {
			d.Headers[strings.ToLower(name)] = values{strings.Join(list, ", ")}
		}
		for name, list := range h.Query {
			d.Query[name] = values{list[len(list)-1]}
		}
		found = append(found, socketDetails{ID: s.ID, Handshake: &d, Rooms: toNames(s.Rooms), Data: s.Data})
	}
	return found
}

// remote makes of others' sockets what we understand. Placeholders in their data stand
// for attachments.
func remote(details []socketDetails, attachments [][]byte) []socketio.RemoteSocket {
	found := make([]socketio.RemoteSocket, 0, len(details))
	for _, d := range details {
		s := socketio.RemoteSocket{ID: d.ID, Rooms: d.Rooms.texts(), Data: d.Data}
		if len(s.Data) == 0 {
			s.Data = json.RawMessage("{}")
		}
		if bytes.Contains(s.Data, []byte(`"_placeholder"`)) {
			s.Attachments = attachments
		}
		if h := d.Handshake; h != nil {
			s.Auth = h.Auth
			s.Handshake = engineio.Handshake{
				Headers: http.Header{}, Query: url.Values{}, URL: h.URL, RemoteAddr: h.Address,
				Secure: h.Secure, XDomain: h.XDomain, Issued: time.UnixMilli(h.Issued),
			}
			for name, list := range h.Headers {
				s.Handshake.Headers[http.CanonicalHeaderKey(name)] = list
			}
			for name, list := range h.Query {
				s.Handshake.Query[name] = list
			}
		}
		found = append(found, s)
	}
	return found
}

// toJSON is as JSON.stringify: without the escapes that encoding/json has for HTML.
func toJSON(value any) ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(value); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(buf.Bytes(), []byte{'\n'}), nil
}
