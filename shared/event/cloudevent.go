package event

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// Source is the source of every event of ours (CloudEvents 1.0, section 3.1.1):
// together with the id it names an event.
const Source = "/vegascore"

const (
	specVersion = "1.0"
	jsonType    = "application/json"
)

// Event is a CloudEvent with JSON data.
type Event struct {
	ID          uuid.UUID
	Source      string
	Type        string
	Subject     string // what the event is about; may be empty
	Time        time.Time
	Traceparent string // the distributed tracing extension; may be empty
	Data        json.RawMessage
}

// envelope is the structured form (CloudEvents JSON format 1.0, section 3).
type envelope struct {
	SpecVersion     string          `json:"specversion"`
	ID              string          `json:"id"`
	Source          string          `json:"source"`
	Type            string          `json:"type"`
	Subject         string          `json:"subject,omitempty"`
	Time            string          `json:"time,omitempty"`
	DataContentType string          `json:"datacontenttype,omitempty"`
	Traceparent     string          `json:"traceparent,omitempty"`
	Data            json.RawMessage `json:"data,omitempty"`
}

// New returns a structured CloudEvent as JSON, with data in its JSON form.
func New(id uuid.UUID, kind, subject string, at time.Time, data any, traceparent string) ([]byte, error) {
	raw, err := json.Marshal(data)
	if err != nil {
		return nil, fmt.Errorf("encode data of event %s: %w", id, err)
	}
	e := Event{ID: id, Source: Source, Type: kind, Subject: subject, Time: at, Traceparent: traceparent, Data: raw}
	if err := e.valid(); err != nil {
		return nil, fmt.Errorf("encode event %s: %w", id, err)
	}
	body, err := json.Marshal(e.envelope())
	if err != nil {
		return nil, fmt.Errorf("encode event %s: %w", id, err)
	}
	return body, nil
}

func (e Event) envelope() envelope {
	return envelope{
		SpecVersion: specVersion, ID: e.ID.String(), Source: e.Source, Type: e.Type, Subject: e.Subject,
		Time: e.Time.UTC().Format(time.RFC3339Nano), DataContentType: jsonType, Traceparent: e.Traceparent, Data: e.Data,
	}
}

// Parse reads a structured CloudEvent. It refuses one that is not version 1.0,
// lacks a required attribute, has no UUID as id, or carries no JSON data.
// Attributes that it does not know are left out.
func Parse(body []byte) (Event, error) {
	var v envelope
	if err := json.Unmarshal(body, &v); err != nil {
		return Event{}, fmt.Errorf("parse event: %w", err)
	}
	return v.event()
}

func (v envelope) event() (Event, error) {
	if v.SpecVersion != specVersion {
		return Event{}, fmt.Errorf("parse event: specversion %.16q, want %q", v.SpecVersion, specVersion)
	}
	if v.DataContentType != "" && v.DataContentType != jsonType {
		return Event{}, fmt.Errorf("parse event: datacontenttype %.64q, want %q", v.DataContentType, jsonType)
	}
	id, err := uuid.Parse(v.ID)
	if err != nil {
		return Event{}, fmt.Errorf("parse event: id: %w", err)
	}
	e := Event{ID: id, Source: v.Source, Type: v.Type, Subject: v.Subject, Traceparent: v.Traceparent, Data: v.Data}
	if v.Time != "" {
		if e.Time, err = time.Parse(time.RFC3339Nano, v.Time); err != nil {
			return Event{}, fmt.Errorf("parse event %s: time: %w", id, err)
		}
		e.Time = e.Time.UTC()
	}
	if err := e.valid(); err != nil {
		return Event{}, fmt.Errorf("parse event %s: %w", id, err)
	}
	return e, nil
}

func (e Event) valid() error {
	switch {
	case e.ID == uuid.Nil:
		return errors.New("id is nil")
	case e.Source == "" || e.Type == "":
		return errors.New("source or type is empty")
	case len(e.Data) == 0 || string(e.Data) == "null" || !json.Valid(e.Data):
		return errors.New("no JSON data")
	}
	return nil
}
