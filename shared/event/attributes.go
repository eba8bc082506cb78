package event

import "time"

// Attributes returns the event's attributes for the binary mode of Pub/Sub
// (CloudEvents Pub/Sub protocol binding): the message's data is e.Data alone.
func (e Event) Attributes() map[string]string {
	a := map[string]string{
		"ce-specversion": specVersion,
		"ce-id":          e.ID.String(),
		"ce-source":      e.Source,
		"ce-type":        e.Type,
		"ce-time":        e.Time.UTC().Format(time.RFC3339Nano),
		"content-type":   jsonType,
	}
	if e.Subject != "" {
		a["ce-subject"] = e.Subject
	}
	if e.Traceparent != "" {
		a["ce-traceparent"] = e.Traceparent
	}
	return a
}

// FromAttributes is the reverse of Attributes, with the checks of Parse.
func FromAttributes(a map[string]string, data []byte) (Event, error) {
	return envelope{
		SpecVersion: a["ce-specversion"], ID: a["ce-id"], Source: a["ce-source"], Type: a["ce-type"],
		Subject: a["ce-subject"], Time: a["ce-time"], DataContentType: a["content-type"],
		Traceparent: a["ce-traceparent"], Data: data,
	}.event()
}
