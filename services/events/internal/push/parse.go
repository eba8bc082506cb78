package push

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"

	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"

	"github.com/vegascore/vegascore/shared/event"
	"github.com/vegascore/vegascore/shared/problem"
)

// maxDelivery bounds the body of a delivery. A fact of ours is below 2 KiB.
const maxDelivery = 128 << 10 // bytes

const jsonType = "application/json"

// envelope is the body of a wrapped push delivery
// (cloud.google.com/pubsub/docs/push, "Receive push messages"). It has more
// members, some in two spellings; these suffice.
type envelope struct {
	Message *struct {
		Attributes map[string]string `json:"attributes"`
		Data       []byte            `json:"data"` // base64 in JSON
		MessageID  string            `json:"messageId"`
	} `json:"message"`
	DeliveryAttempt int `json:"deliveryAttempt"` // 0 without a dead letter policy
}

// delivery is an event and how it came.
type delivery struct {
	event.Event
	messageID string // Pub/Sub's id of the message, empty for a bare CloudEvent
	attempt   int    // counts from 1; 0 when the sender does not tell
}

// parse reads a delivery in any of its forms: a CloudEvent over HTTP in structured
// or binary mode, or Pub/Sub's envelope around a CloudEvent in binary mode. Errors
// are problems, and the delivery is one that can never be read.
func parse(w http.ResponseWriter, r *http.Request) (delivery, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxDelivery))
	var over *http.MaxBytesError
	switch {
	case errors.As(err, &over):
		return delivery{}, problem.Of(problem.BodyTooLarge, "A delivery has at most %d bytes.", maxDelivery)
	case err != nil:
		return delivery{}, problem.Of(problem.BadJSON, "The body ended too early.").Because(err)
	}
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil && r.Header.Get("Content-Type") != "" {
		return delivery{}, problem.Of(problem.UnsupportedMediaType, "The content type cannot be read.").Because(err)
	}
	if r.Header.Get("Ce-Specversion") != "" || strings.HasPrefix(media, "application/cloudevents") {
		return cloudEvent(r, body)
	}
	if media != jsonType {
		return delivery{}, problem.Of(problem.UnsupportedMediaType, "A delivery is a CloudEvent or a push envelope in JSON.")
	}
	return unwrap(body)
}

func cloudEvent(r *http.Request, body []byte) (delivery, error) {
	r.Body = io.NopCloser(bytes.NewReader(body))
	got, err := cehttp.NewEventFromHTTPRequest(r)
	if err != nil {
		return delivery{}, unreadable(err)
	}
	attributes := map[string]string{
		"ce-specversion": got.SpecVersion(), "ce-id": got.ID(), "ce-source": got.Source(), "ce-type": got.Type(),
		"ce-subject": got.Subject(), "content-type": plain(got.DataContentType()),
	}
	if at := got.Time(); !at.IsZero() {
		attributes["ce-time"] = at.Format(time.RFC3339Nano)
	}
	if parent, ok := got.Extensions()["traceparent"].(string); ok {
		attributes["ce-traceparent"] = parent
	}
	e, err := event.FromAttributes(attributes, got.Data())
	if err != nil {
		return delivery{}, unreadable(err)
	}
	return delivery{Event: e}, nil
}

func unwrap(body []byte) (delivery, error) {
	var wrapped envelope
	if err := json.Unmarshal(body, &wrapped); err != nil {
		return delivery{}, unreadable(err)
	}
	if wrapped.Message == nil {
		return delivery{}, problem.Of(problem.MissingField, "The body is neither a CloudEvent nor a push envelope.")
	}
	m := wrapped.Message
	if m.Attributes == nil {
		return delivery{}, problem.Of(problem.MissingField, "The message carries no CloudEvent: it has no attributes.")
	}
	// Publishers that follow the traceparent of W3C without the ce- prefix.
	if m.Attributes["ce-traceparent"] == "" {
		m.Attributes["ce-traceparent"] = m.Attributes["traceparent"]
	}
	m.Attributes["content-type"] = plain(m.Attributes["content-type"])
	e, err := event.FromAttributes(m.Attributes, m.Data)
	if err != nil {
		return delivery{}, unreadable(err)
	}
	return delivery{Event: e, messageID: m.MessageID, attempt: wrapped.DeliveryAttempt}, nil
}

// plain takes the parameters, such as charset=utf-8, off a JSON content type.
func plain(contentType string) string {
	if media, _, err := mime.ParseMediaType(contentType); err == nil {
		return media
	}
	return contentType
}

func unreadable(err error) error {
	return problem.Of(problem.BadJSON, "The delivery carries no readable CloudEvent 1.0.").Because(err)
}
