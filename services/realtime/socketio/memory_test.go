package socketio

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// sink is a namespace that keeps what it is given.
type sink struct {
	Local
	offsets []string
}

func (s *sink) Name() string        { return "/" }
func (s *sink) HasRoom(string) bool { return true }
func (s *sink) Rooms() []string     { return nil }
func (s *sink) Deliver(b Broadcast) { s.offsets = append(s.offsets, b.Offset) }

// text is a broadcast of an event to rooms.
func text(event string, rooms ...string) Broadcast {
	return Broadcast{Packet: Packet{Type: EventPacket, Data: fmt.Appendf(nil, "[%q]", event)}, Rooms: rooms}
}

// missed resumes a session and returns the data of what it has missed.
func missed(m *memory, pid, owner, offset string) (got []string, err error) {
	err = m.Resume(timeless{}, pid, owner, offset, func(r Resumed) {
		got = []string{}
		for _, b := range r.Missed {
			got = append(got, string(b.Packet.Data))
		}
	})
	return got, err
}

// timeless is a context of a bubble: it never ends.
type timeless struct{}

func (timeless) Deadline() (time.Time, bool) { return time.Time{}, false }
func (timeless) Done() <-chan struct{}       { return nil }
func (timeless) Err() error                  { return nil }
func (timeless) Value(any) any               { return nil }

func TestAJournalKnowsWhatASessionMissed(t *testing.T) {
	t.Parallel()
	var s sink
	m := newMemory(&s, time.Minute)
	for i, b := range []Broadcast{
		text("to all"), text("before the join", "r"), text("in r", "r"), text("in both", "r", "q"), text("to it", "sid"),
		text("left since", "q"), text("after it left", "q"), text("elsewhere", "x"),
	} {
		ok(t, m.Append(b))
		if m.Position() != m.offset(uint64(i+1)) || s.offsets[i] != m.Position() {
			t.Fatalf("position is %s, delivered %v", m.Position(), s.offsets)
		}
	}
	without := text("not for q", "r")
	without.Except = []string{"q"}
	ok(t, m.Append(without))
	without = text("not for it")
	without.Except = []string{"sid"}
	ok(t, m.Append(without))
	m.Save(Session{PID: "pid", SID: "sid", Owner: "me", Since: m.offset(0), Stays: []Stay{
		{Room: "q", Since: m.offset(0), Until: m.offset(6)}, {Room: "r", Since: m.offset(2)},
	}})
	all := []string{`["to all"]`, `["in r"]`, `["in both"]`, `["to it"]`, `["left since"]`, `["not for q"]`}
	for offset, from := range map[string]int{"": 0, m.offset(0): 0, m.offset(3): 2, m.offset(5): 4, m.offset(10): 6} {
		got, err := missed(m, "pid", "me", offset)
		ok(t, err)
		if diff := cmp.Diff(all[from:], got); diff != "" {
			t.Errorf("from %q: %s", offset, diff)
		}
	}
	for name, ids := range map[string][3]string{
		"future": {"pid", "me", m.offset(11)}, "forged": {"pid", "me", "-1"}, "foreign": {"pid", "me", newMemory(&s, 0).offset(0)},
		"owner": {"pid", "you", ""}, "nobody": {"pid", "", ""}, "pid": {"sid", "me", ""},
	} {
		if got, err := missed(m, ids[0], ids[1], ids[2]); !errors.Is(err, ErrNotRecoverable) || got != nil {
			t.Errorf("%s: resumed with %v, %v", name, got, err)
		}
	}
}

func TestAnOffsetOfAFormerSessionIsTheBeginning(t *testing.T) {
	t.Parallel()
	m := newMemory(new(sink), time.Minute)
	ok(t, m.Append(text("former")))
	ok(t, m.Append(text("between")))
	m.drop()
	m.drop() // which does not matter
	m.Save(Session{PID: "pid", SID: "sid", Since: m.Position()})
	ok(t, m.Append(text("new")))
	got, err := missed(m, "pid", "", m.offset(1))
	ok(t, err)
	if diff := cmp.Diff([]string{`["new"]`}, got); diff != "" {
		t.Error(diff)
	}
}

func TestASessionWaitsForItsWindow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(new(sink), time.Minute)
		for _, pid := range []string{"there", "away", "back", "left"} {
			m.Save(Session{PID: pid, Since: m.Position()})
		}
		for _, pid := range []string{"away", "back", "left"} {
			m.Release(pid)
		}
		m.Forget("left")
		pass(time.Minute - 1)
		if _, err := missed(m, "back", "", ""); err != nil {
			t.Errorf("within the window: %v", err)
		}
		pass(1)
		for pid, want := range map[string]bool{"there": true, "back": true, "away": false, "left": false} {
			if _, err := missed(m, pid, "", ""); (err == nil) != want || want != (err == nil || !errors.Is(err, ErrNotRecoverable)) {
				t.Errorf("%s: %v", pid, err)
			}
		}
		if len(m.sessions) != 2 || len(m.away) != 0 {
			t.Errorf("%d sessions and %d absences are kept", len(m.sessions), len(m.away))
		}
	})
}

func TestAJournalIsBounded(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		fill func(m *memory)
		kept int
	}{
		"number": {func(m *memory) {
			for range maxEvents {
				ok(t, m.Append(text("n", "busy")))
			}
		}, maxEvents},
		"bytes": {func(m *memory) {
			b := text("big", "busy")
			b.Packet.Attachments = [][]byte{make([]byte, maxHeld/4)}
			for range 4 {
				ok(t, m.Append(b))
			}
		}, 3},
		"one too big": {func(m *memory) {
			b := text("big", "busy")
			b.Packet.Attachments = [][]byte{make([]byte, maxHeld)}
			ok(t, m.Append(b))
		}, 0},
		"age": {func(m *memory) {
			pass(minAge + 1)
			ok(t, m.Append(text("n", "busy")))
		}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				m := newMemory(new(sink), time.Minute)
				m.Save(Session{PID: "quiet", SID: "1", Since: m.Position(), Stays: []Stay{{Room: "r", Since: m.Position()}}})
				ok(t, m.Append(text("first", "busy")))
				at := m.Position()
				m.Save(Session{PID: "left", SID: "2", Since: m.offset(0), Stays: []Stay{{Room: "busy", Since: m.offset(0), Until: at}}})
				m.Save(Session{PID: "busy", SID: "3", Since: m.offset(0), Stays: []Stay{{Room: "busy", Since: m.offset(0)}}})
				tc.fill(m)
				if len(m.events) != tc.kept {
					t.Errorf("%d events are kept, want %d", len(m.events), tc.kept)
				}
				for pid, want := range map[string]bool{"quiet": true, "left": true, "busy": false} {
					offset := ""
					if pid == "left" {
						offset = at
					}
					if _, err := missed(m, pid, "", offset); (err == nil) != want {
						t.Errorf("%s: %v", pid, err)
					}
				}
			})
		})
	}
}

func TestAJournalForgetsRoomsHonestly(t *testing.T) {
	t.Parallel()
	m := newMemory(new(sink), time.Minute)
	m.Save(Session{PID: "early", SID: "1", Since: m.Position()})
	for n := range maxEvents + maxLost + 1 {
		ok(t, m.Append(text("n", fmt.Sprint("r", n))))
	}
	m.Save(Session{PID: "late", SID: "2", Since: m.Position()})
	if len(m.lost) > maxLost {
		t.Errorf("%d rooms are remembered", len(m.lost))
	}
	if _, err := missed(m, "early", "", ""); !errors.Is(err, ErrNotRecoverable) {
		t.Errorf("recovered from where nobody knows what was dropped: %v", err)
	}
	if _, err := missed(m, "late", "", ""); err != nil {
		t.Error(err)
	}
}

func TestAJournalKeepsWhatWasEmitted(t *testing.T) {
	t.Parallel()
	m := newMemory(new(sink), time.Minute)
	m.Save(Session{PID: "pid", SID: "sid", Since: m.Position()})
	b, data := text("file"), []byte("before")
	b.Packet.Attachments = [][]byte{data}
	ok(t, m.Append(b))
	copy(data, "after!")
	ok(t, m.Resume(t.Context(), "pid", "", "", func(r Resumed) {
		if got := string(r.Missed[0].Packet.Attachments[0]); got != "before" {
			t.Errorf("attachment is %q", got)
		}
	}))
}
