package push

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/vegascore/vegascore/shared/event"
	"github.com/vegascore/vegascore/shared/problem"
)

// envelopeOf wraps an event as Pub/Sub does, with one more attribute, given as JSON.
func envelopeOf(e event.Event, attribute string) string {
	return fmt.Sprintf(`{"message":{"attributes":{"ce-specversion":"1.0","ce-id":%q,"ce-source":%q,"ce-type":%q,"ce-subject":%q,
		"ce-time":"2026-03-14T12:00:00.123Z","content-type":"application/json",%s},"data":%q,"messageId":"7","message_id":"7",
		"orderingKey":"dice-1","publishTime":"2026-03-14T12:00:01Z","publish_time":"2026-03-14T12:00:01Z"},
		"subscription":"projects/p/subscriptions/s","deliveryAttempt":3}`,
		e.ID, e.Source, e.Type, e.Subject, attribute, base64.StdEncoding.EncodeToString(e.Data))
}

func TestEnvelopeTellsTheAttempt(t *testing.T) {
	t.Parallel()
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(envelopeOf(fixed, `"a":"b"`)))
	r.Header.Set("Content-Type", "application/json")
	d, err := parse(httptest.NewRecorder(), r)
	if err != nil {
		t.Fatal(err)
	}
	if d.attempt != 3 || d.messageID != "7" {
		t.Errorf("attempt %d of message %q; want 3 of 7", d.attempt, d.messageID)
	}
}

// Whatever is sent, parse returns an event that can be worked with or a 4xx.
func FuzzParse(f *testing.F) {
	f.Add("application/json", "", envelopeOf(fixed, `"a":"b"`))
	f.Add("application/cloudevents+json", "", `{"specversion":"1.0","id":"0199a000-0000-7000-8000-000000000001","source":"/s","type":"t","data":{}}`)
	f.Add("application/cloudevents+json", "", `{"specversion":"1.0","id":"x","source":"/s","type":"t","data_base64":"e30=","time":"2026-03-14T12:00:00Z"}`)
	f.Add("application/json", "1.0", `{}`)
	f.Add("", "0.3", "")
	f.Fuzz(func(t *testing.T, contentType, version, body string) {
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
		if contentType != "" {
			r.Header.Set("Content-Type", contentType)
		}
		if version != "" {
			for name, value := range map[string]string{"Specversion": version, "Id": fixed.ID.String(), "Source": "/s", "Type": "t"} {
				r.Header.Set("Ce-"+name, value)
			}
		}
		d, err := parse(httptest.NewRecorder(), r)
		if err != nil {
			if p := problem.From(err); p.Status < 400 || p.Status >= 500 {
				t.Errorf("error = %v; want a 4xx problem", err)
			}
			return
		}
		if d.Type == "" || len(d.Data) == 0 {
			t.Errorf("event without type or data: %+v", d)
		}
	})
}
