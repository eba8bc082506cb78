package e2e

import (
	"bufio"
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/vegascore/vegascore/infra/dev/e2e/platform"
	"github.com/vegascore/vegascore/infra/dev/stack"
)

// hops are the spans of a bet.
var hops = []string{
	"actions: POST /v1/bets",
	"actions: place bet",
	"actions: bet transaction",
	"actions: publish room event", // to Redis
	"actions: publish fact",       // to Pub/Sub
	"realtime: deliver room event",
	"events: handle leaderboard",
}

func TestOneTraceFromTheBetToTheSocketAndTheFunction(t *testing.T) {
	t.Parallel()
	c := newCollector(t)
	p := platform.Start(t, stack.Options{Redis: stack.RedisServer, Env: map[string]map[string]string{"": {
		"OTEL_EXPORTER_OTLP_ENDPOINT": c.url, "OTEL_BSP_SCHEDULE_DELAY": "100", "OTEL_METRIC_EXPORT_INTERVAL": "1000", "LOG_LEVEL": "DEBUG",
	}}})
	ada := platform.Guest(t, p.URL, "Ada")
	s := newSockets(t)
	s.connect("ada", p.Service("realtime-1").URL, ada)

	// The caller's own trace goes on.
	const trace, caller = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
	bet(t, ada, "traced", "00-"+trace+"-"+caller+"-01")
	var heard struct{ Traceparent string }
	into(t, s.event("ada", "balance"), &heard)
	if !strings.HasPrefix(heard.Traceparent, "00-"+trace+"-") || !strings.HasSuffix(heard.Traceparent, "-01") {
		t.Errorf("the event on the socket carries %q, want one of the trace %s", heard.Traceparent, trace)
	}
	for _, hop := range hops {
		platform.Await(t, "at the collector: "+hop, func() bool { return has(c.of(trace), hop) })
	}
	spans := c.of(trace)
	byID := map[string]span{caller: {}}
	for _, s := range spans {
		byID[s.id] = s
	}
	for _, s := range spans {
		if _, there := byID[s.parent]; !there {
			t.Errorf("%s: %s hangs under %s, which nobody has sent", s.service, s.name, s.parent)
		}
		if s.name == "handle leaderboard" && byID[s.parent].name != "publish fact" {
			t.Errorf("the function's span is under %+v, want the one that published the fact", byID[s.parent])
		}
		if s.name == "bet transaction" && byID[s.parent].name != "place bet" {
			t.Errorf("the transaction's span is under %+v, want that of the bet", byID[s.parent])
		}
	}
	platform.Await(t, "a log line of the function with the trace", func() bool { return logged(t, p.Service("events").LogFile, "event handled", trace) })
	platform.Await(t, "figures at the collector", func() bool { return c.took("/v1/metrics") })

	// A caller that does not want its trace exported is obeyed, and its id is passed on.
	const quiet = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	bet(t, ada, "quiet", "00-"+quiet+"-"+caller+"-00")
	into(t, s.event("ada", "balance"), &heard)
	if !strings.HasPrefix(heard.Traceparent, "00-"+quiet+"-") || !strings.HasSuffix(heard.Traceparent, "-00") {
		t.Errorf("the event on the socket carries %q, want one of the trace %s", heard.Traceparent, quiet)
	}
	platform.Await(t, "a log line of the function with that trace", func() bool { return logged(t, p.Service("events").LogFile, "event handled", quiet) })
	if spans := c.of(quiet); len(spans) != 0 {
		t.Errorf("%d spans of a trace that was not to be exported: %+v", len(spans), spans)
	}
}

// bet places a bet with a traceparent.
func bet(t *testing.T, p *platform.Player, key, traceparent string) {
	t.Helper()
	answer, err := p.DoWith(t.Context(), http.Header{"Traceparent": {traceparent}}, http.MethodPost, "/v1/bets", key, platform.Wager(10))
	if err != nil || answer.Status != http.StatusCreated {
		t.Fatalf("bet %s: %d %s, %v", key, answer.Status, answer.Body, err)
	}
}

// logged reports whether a line with the message has the trace in the fields that Cloud
// Logging reads.
func logged(t *testing.T, path, message, trace string) bool {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		var line struct {
			Message string `json:"message"`
			Trace   string `json:"logging.googleapis.com/trace"`
			Span    string `json:"logging.googleapis.com/spanId"`
		}
		if json.Unmarshal(lines.Bytes(), &line) == nil && line.Message == message && strings.HasSuffix(line.Trace, trace) && len(line.Span) == 16 {
			return true
		}
	}
	return false
}
