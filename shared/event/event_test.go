package event_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/vegascore/vegascore/shared/event"
	"github.com/vegascore/vegascore/shared/money"
)

var (
	id = uuid.MustParse("01939c5a-0000-7000-8000-000000000001")
	at = time.Date(2026, 11, 22, 12, 0, 0, 123456000, time.FixedZone("CET", 3600))

	settled = event.RoundSettled{
		Round: uuid.MustParse("01939c5a-0000-7000-8000-000000000002"), Player: uuid.MustParse("01939c5a-0000-7000-8000-000000000003"),
		Name: "Ada", Game: "dice", Table: "dice-1", Rules: "dice.1", Asset: money.Play, Stake: 100, Payout: 198, SettledAt: at.UTC(),
	}
)

const (
	traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

	data = `{"round":"01939c5a-0000-7000-8000-000000000002","player":"01939c5a-0000-7000-8000-000000000003","name":"Ada",` +
		`"game":"dice","table":"dice-1","rules":"dice.1","asset":"PLAY","stake":100,"payout":198,"settled_at":"2026-11-22T11:00:00.123456Z"}`
	golden = `{"specversion":"1.0","id":"01939c5a-0000-7000-8000-000000000001","source":"/vegascore","type":"vegascore.round.settled.v1",` +
		`"subject":"dice-1","time":"2026-11-22T11:00:00.123456Z","datacontenttype":"application/json","traceparent":"` + traceparent + `","data":` + data + `}`
)

func TestNewIsAStructuredCloudEvent(t *testing.T) {
	t.Parallel()
	got, err := event.New(id, event.TypeRoundSettled, "dice-1", at, settled, traceparent)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(golden, string(got)); diff != "" {
		t.Errorf("wire form (-want +got):\n%s", diff)
	}
}

func TestParseReadsWhatNewWrote(t *testing.T) {
	t.Parallel()
	e, err := event.Parse([]byte(golden))
	if err != nil {
		t.Fatal(err)
	}
	want := event.Event{ID: id, Source: event.Source, Type: event.TypeRoundSettled, Subject: "dice-1", Time: at.UTC(), Traceparent: traceparent, Data: json.RawMessage(data)}
	if diff := cmp.Diff(want, e); diff != "" {
		t.Errorf("event (-want +got):\n%s", diff)
	}
	var fact event.RoundSettled
	if err := json.Unmarshal(e.Data, &fact); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(settled, fact); diff != "" {
		t.Errorf("data (-want +got):\n%s", diff)
	}
}

func TestAttributesCarryTheEvent(t *testing.T) {
	t.Parallel()
	e, err := event.Parse([]byte(golden))
	if err != nil {
		t.Fatal(err)
	}
	back, err := event.FromAttributes(e.Attributes(), e.Data)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(e, back); diff != "" {
		t.Errorf("event (-want +got):\n%s", diff)
	}
	bare := event.Event{ID: id, Source: event.Source, Type: "x", Data: json.RawMessage("1")}
	if _, there := bare.Attributes()["ce-subject"]; there {
		t.Error("an empty subject became an attribute")
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for name, change := range map[string][2]string{
		"another version": {`"specversion":"1.0"`, `"specversion":"0.3"`},
		"no version":      {`"specversion":"1.0",`, ``},
		"no id":           {`"id":"01939c5a-0000-7000-8000-000000000001",`, ``},
		"nil id":          {`01939c5a-0000-7000-8000-000000000001`, `00000000-0000-0000-0000-000000000000`},
		"id is no uuid":   {`01939c5a-0000-7000-8000-000000000001`, `1`},
		"no type":         {event.TypeRoundSettled, ``},
		"no source":       {`"/vegascore"`, `""`},
		"bad time":        {`2026-11-22T11:00:00.123456Z","datacon`, `yesterday","datacon`},
		"xml data":        {`application/json`, `text/xml`},
		"no data":         {`"data":` + data, `"other":1`},
		"null data":       {data, `null`},
		"not an object":   {golden, `[]`},
		"not JSON":        {golden, `{`},
	} {
		body := strings.Replace(golden, change[0], change[1], 1)
		if body == golden {
			t.Errorf("%s: the case changes nothing", name)
		}
		if e, err := event.Parse([]byte(body)); err == nil {
			t.Errorf("%s: accepted as %+v", name, e)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	for name, try := range map[string]func() ([]byte, error){
		"nil id":       func() ([]byte, error) { return event.New(uuid.Nil, "t", "", at, 1, "") },
		"no type":      func() ([]byte, error) { return event.New(id, "", "", at, 1, "") },
		"no data":      func() ([]byte, error) { return event.New(id, "t", "", at, nil, "") },
		"no JSON form": func() ([]byte, error) { return event.New(id, "t", "", at, func() {}, "") },
		"bad raw JSON": func() ([]byte, error) { return event.New(id, "t", "", at, json.RawMessage("{"), "") },
	} {
		if body, err := try(); err == nil {
			t.Errorf("%s: accepted as %s", name, body)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(golden))
	f.Add([]byte(`{"specversion":"1.0","id":"01939c5a-0000-7000-8000-000000000001","source":"x","type":"y","data":1}`))
	f.Add([]byte(`{"data":{}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		e, err := event.Parse(body)
		if err != nil {
			return
		}
		back, err := event.FromAttributes(e.Attributes(), e.Data)
		if err != nil {
			t.Fatalf("an event that was read is refused as attributes: %v", err)
		}
		if diff := cmp.Diff(e, back); diff != "" {
			t.Fatalf("event (-want +got):\n%s", diff)
		}
	})
}
