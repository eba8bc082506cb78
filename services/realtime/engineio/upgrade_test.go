package engineio

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// candidate opens a websocket that names the polling session.
func (c *pollClient) candidate(t testing.TB) *client {
	t.Helper()
	return dial(t, c.addr, "EIO=4&transport=websocket&sid="+c.session.ID())
}

func TestUpgradeFromPollingToWebsocket(t *testing.T) {
	t.Parallel()
	r := start(t, both(Options{}), echo)
	c := r.poll(t)
	pending := c.waiting(t)
	ws := c.candidate(t)
	ws.say(t, "2probe")
	if got := ws.text(t); got != "3probe" {
		t.Fatalf("probe answered %q", got)
	}
	want(t, "the GET that waited", <-pending, reply{200, "6"})
	want(t, "a GET after the probe", c.get(t), reply{200, "6"})
	want(t, "a POST after the probe", c.post(t, "4queued"), reply{200, "ok"})
	if got := c.session.Transport(); got != "polling" {
		t.Errorf("Transport() = %q before the upgrade", got)
	}
	ws.say(t, "5", "4direct")
	for _, want := range []string{"4queued", "4direct"} {
		if got := ws.text(t); got != want {
			t.Errorf("websocket got %q, want %q", got, want)
		}
	}
	if got := c.session.Transport(); got != "websocket" {
		t.Errorf("Transport() = %q after the upgrade", got)
	}
	want(t, "a GET after the upgrade", c.get(t), bad)
	want(t, "a POST after the upgrade", c.post(t, "4no"), bad)
	second := c.candidate(t)
	if got := second.code(t); got != 1000 {
		t.Errorf("second websocket closed with %d, want 1000", got)
	}
	ws.say(t, "4still here")
	if got := ws.text(t); got != "4still here" {
		t.Errorf("websocket got %q", got)
	}
	ws.put(t, closeFrame(1000))
	c.wantReason(t, TransportClose)
}

func TestFailedUpgradeKeepsPolling(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		send [][]byte
		code int
	}{
		{"message instead of a probe", [][]byte{mask(finText, "4early")}, 1000},
		{"other probe", [][]byte{mask(finText, "2other")}, 1000},
		{"empty packet", [][]byte{mask(finText, "")}, 1000},
		{"binary", [][]byte{mask(finBinary, "x")}, 1000},
		{"message after the probe", [][]byte{mask(finText, "2probe"), mask(finText, "4early")}, 1000},
		{"close after the probe", [][]byte{mask(finText, "2probe"), closeFrame(1001)}, 1001},
		{"broken frame", [][]byte{mask(0xc1, "2probe")}, 1002},
		{"not UTF-8", [][]byte{mask(finText, "2\xff")}, 1007},
		{"silence", nil, 1000},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := start(t, both(Options{UpgradeTimeout: 100 * time.Millisecond}), echo)
			c := r.poll(t)
			ws := c.candidate(t)
			ws.put(t, test.send...)
			if got := ws.code(t); got != test.code {
				t.Errorf("websocket closed with %d, want %d", got, test.code)
			}
			answer := c.waiting(t)
			want(t, "POST", c.post(t, "4alive"), reply{200, "ok"})
			want(t, "GET", <-answer, reply{200, "4alive"})
			again := c.candidate(t)
			again.say(t, "2probe", "5", "4upgraded")
			for _, want := range []string{"3probe", "4upgraded"} {
				if got := again.text(t); got != want {
					t.Errorf("second try got %q, want %q", got, want)
				}
			}
		})
	}
}

func TestOneCandidateAtATime(t *testing.T) {
	t.Parallel()
	r := start(t, both(Options{}), echo)
	c := r.poll(t)
	first := c.candidate(t)
	first.say(t, "2probe")
	first.text(t)
	second := c.candidate(t)
	if got := second.code(t); got != 1000 {
		t.Errorf("second websocket closed with %d, want 1000", got)
	}
	first.say(t, "5", "4mine")
	if got := first.text(t); got != "4mine" {
		t.Errorf("first websocket got %q", got)
	}
}

func TestClosedSessionTakesItsCandidateAlong(t *testing.T) {
	t.Parallel()
	r := start(t, both(Options{}), nil)
	c := r.poll(t)
	ws := c.candidate(t)
	ws.say(t, "2probe")
	ws.text(t)
	c.session.Close(ForcedServerClose)
	if got := ws.code(t); got != 1000 {
		t.Errorf("websocket closed with %d, want 1000", got)
	}
	c.wantReason(t, ForcedServerClose)
}

// TestUpgradeLosesNothing: frames sent all the while arrive once and in order,
// first by polling, then by websocket.
func TestUpgradeLosesNothing(t *testing.T) {
	t.Parallel()
	const frames = 300
	r := start(t, both(Options{}), nil)
	c := r.poll(t)
	go func() { // ends with the last frame
		for i := range frames {
			c.session.Send(NewFrame(Message{Data: fmt.Appendf(nil, "%d", i)}))
			if i%10 == 0 {
				<-time.After(time.Millisecond)
			}
		}
	}()
	next := 0
	check := func(packet string) {
		t.Helper()
		if packet == "6" {
			return
		}
		if want := fmt.Sprintf("4%d", next); packet != want {
			t.Fatalf("got %q, want %q", packet, want)
		}
		next++
	}
	poll := func() {
		t.Helper()
		for packet := range strings.SplitSeq(c.get(t).Body, string(rune(separator))) {
			check(packet)
		}
	}
	poll()
	ws := c.candidate(t)
	ws.say(t, "2probe")
	ws.text(t)
	poll()
	ws.say(t, "5")
	for next < frames {
		check(ws.text(t))
	}
}

func TestUpgradedSessionOutlivesTheTimeOfTheUpgrade(t *testing.T) {
	t.Parallel()
	r := start(t, both(Options{UpgradeTimeout: 50 * time.Millisecond, PingInterval: 150 * time.Millisecond}), echo)
	c := r.poll(t)
	ws := c.candidate(t)
	ws.say(t, "2probe", "5")
	for _, want := range []string{"3probe", "2"} { // the ping comes when the time is over
		if got := ws.text(t); got != want {
			t.Fatalf("websocket got %q, want %q", got, want)
		}
	}
	ws.say(t, "3", "4alive")
	if got := ws.text(t); got != "4alive" {
		t.Errorf("websocket got %q", got)
	}
}
