package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vegascore/vegascore/services/realtime/socketio"
	"github.com/vegascore/vegascore/shared/redistest"
)

// resume brings a client back and returns what it is sent.
func (n *node) resume(t *testing.T, pid, owner, at string) (texts []string, r socketio.Resumed, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	err = n.journal().Resume(ctx, pid, owner, at, func(got socketio.Resumed) { r = got })
	for _, b := range r.Missed {
		texts = append(texts, string(b.Packet.Data))
	}
	return texts, r, err
}

func (n *node) mustResume(t *testing.T, pid, at string, want ...string) socketio.Resumed {
	t.Helper()
	got, r, err := n.resume(t, pid, "ada", at)
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("resumed at %s with %q, %v; want %q", at, got, err, want)
	}
	return r
}

// missedAt is the offset of one of the events that a client missed.
func missedAt(t *testing.T, r socketio.Resumed, i int) string {
	t.Helper()
	if i >= len(r.Missed) {
		t.Fatalf("missed %d events", len(r.Missed))
	}
	return r.Missed[i].Offset
}

func (n *node) mustNotResume(t *testing.T, what, pid, owner, at string) {
	t.Helper()
	if got, _, err := n.resume(t, pid, owner, at); !errors.Is(err, socketio.ErrNotRecoverable) {
		t.Errorf("%s: resumed with %q, %v", what, got, err)
	}
}

// begin saves a session of "ada" that is in room "r", and waits until Redis has it.
func (n *node) begin(t *testing.T, pid string) socketio.Session {
	t.Helper()
	at := n.journal().Position()
	s := socketio.Session{PID: pid, SID: "sid-of-" + pid, Owner: "ada", Since: at, Stays: []socketio.Stay{{Room: "r", Since: at}}}
	n.journal().Save(s)
	n.expectSaved(t, pid, true)
	return s
}

func (n *node) expectSaved(t *testing.T, pid string, want bool) {
	t.Helper()
	eventually(t, "the session in Redis", func() (bool, any) {
		s := &n.journal().sessions
		s.mu.Lock()
		e := s.byPID[pid]
		waits := e != nil && (e.queued || e.saved.IsZero() || e.state != sessionHere)
		s.mu.Unlock()
		count, err := n.client.Exists(t.Context(), n.journal().sessionKey(pid)).Result()
		return err == nil && !waits && (count == 1) == want, err
	})
}

func (n *node) lastOffset(t *testing.T) string {
	t.Helper()
	all := n.offsets()
	return all[len(all)-1]
}

func TestAClientGoesOnAtAnotherContainer(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, address string) {
		address, opts := patient(address)
		a := join(t, address, opts, "/", "r")
		b := join(t, address, opts, "/", "r")
		texts := numbered(1, 9)
		a.appendAll(t, texts[:1], "r")
		a.expect(t, texts[:1]...)
		session := a.begin(t, "p")
		a.appendAll(t, texts[1:3], "r")
		a.expect(t, texts[:3]...)
		seen := a.lastOffset(t)
		a.stop() // without a word about its clients
		b.appendAll(t, texts[3:5], "r")
		b.append(t, `["elsewhere"]`, "s")
		b.append(t, `["to it"]`, session.SID)
		b.append(t, `["to all"]`)
		b.append(t, `["twice"]`, session.SID, "r")
		excepted := socketio.Broadcast{Packet: event(`["not to it"]`), Rooms: []string{"r"}, Except: []string{session.SID}}
		if err := b.journal().Append(excepted); err != nil {
			t.Fatal(err)
		}
		b.expect(t, append(slices.Clone(texts[:5]), `["to all"]`, `["twice"]`, `["not to it"]`)...)
		c := join(t, address, opts, "/", "r") // knows nothing of what was
		b.mustNotResume(t, "another player", "p", "bob", seen)
		b.mustNotResume(t, "another session", "q", "ada", seen)
		missed := []string{texts[3], texts[4], `["to it"]`, `["to all"]`, `["twice"]`}
		r := c.mustResume(t, "p", seen, missed...)
		if diff := cmp.Diff(session.Stays, r.Session.Stays); diff != "" || r.Session.SID != session.SID || r.Offset != c.journal().Position() {
			t.Errorf("resumed %+v at %s; stays (-want +got):\n%s", r.Session, r.Offset, diff)
		}
		// Half of it arrives, and the client comes back once more, to one who has it in memory.
		b.mustResume(t, "p", missedAt(t, r, 2), missed[3:]...)
		b.mustResume(t, "p", "", append(slices.Clone(texts[1:3]), missed...)...)
		b.mustResume(t, "p", b.lastOffset(t))
	})
}

func TestOffsetsThatLeadNowhereAreRefused(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, address string) {
		address, opts := patient(address)
		a := join(t, address, opts, "/", "r")
		b := join(t, address, opts, "/", "r")
		a.appendAll(t, numbered(1, 3), "r")
		a.expect(t, numbered(1, 3)...)
		session := a.begin(t, "p")
		a.appendAll(t, numbered(4, 5), "r")
		b.expect(t, numbered(1, 5)...)
		at, _ := parseOffset(a.lastOffset(t))
		future, foreign, ahead := at, at, at
		future.number += 10
		foreign.epoch = "abcdefgh"
		ahead.origin, ahead.count = "abcdefgh", 1
		for name, text := range map[string]string{
			"forged": "x", "quoted": `"`, "nowhere": nowhere, "future": future.String(), "another log's": foreign.String(), "ahead of the log": ahead.String(),
		} {
			b.mustNotResume(t, name, "p", "ada", text)
		}
		for _, pid := range []string{"", "unknown", strings.Repeat("p", 1000)} {
			b.mustNotResume(t, "pid "+pid, pid, "ada", at.String())
		}
		// A client that began afresh names its last offset until it gets another one.
		b.mustResume(t, "p", b.offsets()[0], numbered(4, 5)...)
		if since, _ := parseOffset(session.Since); since.number != at.number-2 {
			t.Errorf("the session began at %+v", since)
		}
	})
}

func TestStaysBoundWhatAClientIsOwed(t *testing.T) {
	t.Parallel()
	address, opts := patient(redistest.Server(t).URL)
	a := join(t, address, opts, "/", "r", "s")
	b := join(t, address, opts, "/")
	session := a.begin(t, "p")
	emit := func(from int, room string) string {
		t.Helper()
		a.append(t, numbered(from, from)[0], room)
		eventually(t, "delivered", func() (bool, any) { return len(a.texts()) == from, nil })
		return a.journal().Position()
	}
	emit(1, "s")
	joined := emit(2, "s")
	emit(3, "s")
	left := emit(4, "s")
	emit(5, "s")
	again := emit(6, "s")
	emit(7, "s")
	emit(8, "r")
	session.Stays = append(session.Stays, socketio.Stay{Room: "s", Since: joined, Until: left}, socketio.Stay{Room: "s", Since: again})
	a.journal().Save(session)
	a.expectSaved(t, "p", true)
	n := func(numbers ...int) (texts []string) {
		for _, i := range numbers {
			texts = append(texts, numbered(i, i)...)
		}
		return texts
	}
	for _, node := range []*node{b, a} { // out of the log, out of memory
		node.mustResume(t, "p", "", n(3, 4, 7, 8)...)
		node.mustResume(t, "p", left, n(7, 8)...)
	}
}

// What a client is sent does not depend on where it comes from.
func TestMemoryAndLogTellTheSame(t *testing.T) {
	t.Parallel()
	address, opts := patient(redistest.Server(t).URL)
	a := join(t, address, opts, "/", "r", "s")
	session := a.begin(t, "p")
	rooms := [][]string{{"r"}, {"s"}, nil, {"s", "r"}, {session.SID}, {"t"}}
	for i := range 200 {
		b := socketio.Broadcast{Packet: event(numbered(i, i)[0]), Rooms: rooms[i*7%len(rooms)]}
		if i%11 == 0 {
			b.Except = []string{session.SID}
		}
		if err := a.journal().Append(b); err != nil {
			t.Fatal(err)
		}
	}
	a.expectStatus(t, "logged", func(s Status) bool { return s.Logged == 200 })
	j := a.journal()
	eventually(t, "all came back", func() (bool, any) { return j.own.quietAfter(j, 200), nil })
	at, ok := parseOffset(session.Since)
	if !ok {
		t.Fatal(session.Since)
	}
	for skip := range uint64(20) {
		from := at
		from.number += skip * 10
		c, err := j.comesBack(sessionOf(session), from.String())
		if err != nil {
			t.Fatal(err)
		}
		var near, far socketio.Resumed
		if done, err := j.near(c, func(r socketio.Resumed) { near = r }); !done || err != nil {
			t.Fatal(done, err)
		}
		base, missed, err := j.missed(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		if done, err := j.join(t.Context(), c, base, missed, func(r socketio.Resumed) { far = r }); !done || err != nil {
			t.Fatal(done, err)
		}
		if diff := cmp.Diff(near, far); diff != "" || len(near.Missed) < 80-int(skip)*5 {
			t.Fatalf("after %d: %d missed (-memory +log):\n%s", skip*10, len(near.Missed), diff)
		}
	}
}

func sessionOf(s socketio.Session) session { return session{Session: s} }

// quietAfter says that the message of a count came back.
func (o *own) quietAfter(j *journal, count uint64) bool {
	j.deliver.Lock()
	defer j.deliver.Unlock()
	return j.looped == count
}

func TestATrimmedLogIsNotResumed(t *testing.T) {
	t.Parallel()
	address, opts := patient(redistest.Server(t).URL)
	a := join(t, address, opts, "/", "r")
	a.begin(t, "p")
	at := a.journal().Position()
	a.appendAll(t, numbered(1, 3), "r")
	a.expect(t, numbered(1, 3)...)
	if err := a.client.XTrimMaxLen(t.Context(), a.journal().room.Key("log:r"), 2).Err(); err != nil {
		t.Fatal(err)
	}
	b := join(t, address, opts, "/", "r")
	b.mustNotResume(t, "trimmed", "p", "ada", at)
	b.mustResume(t, "p", a.offsets()[0], numbered(2, 3)...)
}

func TestOnlyOneContainerTakesASessionOver(t *testing.T) {
	t.Parallel()
	address, opts := patient(redistest.Server(t).URL)
	home := join(t, address, opts, "/", "r")
	session := home.begin(t, "p")
	var moved atomic.Int64
	session.Moved = func() { moved.Add(1) }
	home.journal().Save(session)
	home.expectSaved(t, "p", true)
	nodes := []*node{join(t, address, opts, "/", "r"), join(t, address, opts, "/", "r"), join(t, address, opts, "/", "r")}
	var wins atomic.Int64
	var all sync.WaitGroup
	found := make([]sessionCopy, len(nodes))
	for i, n := range nodes { // all have read it before one takes it
		var err error
		if found[i], err = n.journal().find(t.Context(), "p"); err != nil {
			t.Fatal(err)
		}
	}
	for i, n := range nodes {
		all.Go(func() { // ends with Redis' answer
			switch err := n.journal().claim(t.Context(), found[i]); {
			case err == nil:
				wins.Add(1)
			case !errors.Is(err, socketio.ErrNotRecoverable):
				t.Error(err)
			}
		})
	}
	all.Wait()
	if wins.Load() != 1 {
		t.Errorf("%d containers took the session over", wins.Load())
	}
	// The former home learns of it when it renews.
	home.journal().sessions.saveAll()
	eventually(t, "the ghost is known", func() (bool, any) { return moved.Load() == 1, moved.Load() })
	home.journal().Release("p") // too late
	nodes[0].mustResume(t, "p", "")
}

type sessionCopy = session

func TestSessionsEndInTime(t *testing.T) {
	t.Parallel()
	address, opts := patient(redistest.Server(t).URL)
	opts.Window = 300 * time.Millisecond
	a := join(t, address, opts, "/", "r")
	b := join(t, address, opts, "/", "r")
	for _, pid := range []string{"here", "gone", "left", "back"} {
		a.begin(t, pid)
	}
	a.journal().Forget("left")
	a.expectSaved(t, "left", false)
	b.mustNotResume(t, "left for good", "left", "ada", "")
	a.journal().Release("back")
	b.mustResume(t, "back", "")
	a.journal().Release("gone")
	a.expectSaved(t, "gone", false) // its window is over
	b.mustNotResume(t, "gone for too long", "gone", "ada", "")
	for _, pid := range []string{"here", "back"} {
		ttl, err := a.client.PTTL(t.Context(), a.journal().sessionKey(pid)).Result()
		if err != nil || ttl < renewEvery {
			t.Errorf("%s ends in %s, %v", pid, ttl, err)
		}
	}
}

func TestSessionsSurviveTheLossOfRedis(t *testing.T) {
	t.Parallel()
	server := redistest.Server(t)
	a := join(t, server.URL, Options{}, "/", "r")
	a.begin(t, "p")
	old := a.journal().Position()
	a.append(t, `["one"]`, "r")
	a.expect(t, `["one"]`)
	server.Kill()
	a.beginAway(t, "q")
	server.Start()
	a.expectStatus(t, "another log", func(s Status) bool { return s.Epochs == 1 && s.Connected })
	a.expectSaved(t, "p", true)
	a.expectSaved(t, "q", true)
	a.append(t, `["two"]`, "r")
	a.expect(t, `["one"]`, `["two"]`)
	seen := a.lastOffset(t)
	b := join(t, server.URL, Options{}, "/", "r")
	a.append(t, `["three"]`, "r")
	a.expect(t, `["one"]`, `["two"]`, `["three"]`)
	b.mustNotResume(t, "an offset of the lost log", "p", "ada", old)
	b.mustResume(t, "p", seen, `["three"]`)
	// What was written again may have been seen.
	epoch, _ := parseOffset(seen)
	a.journal().deliver.Lock()
	epoch.number = a.journal().head.Start
	a.journal().deliver.Unlock()
	b.mustNotResume(t, "the log was lost meanwhile", "p", "ada", epoch.String())
}

// beginAway saves a session while Redis is away.
func (n *node) beginAway(t *testing.T, pid string) {
	t.Helper()
	at := n.journal().Position()
	n.journal().Save(socketio.Session{PID: pid, SID: "sid-of-" + pid, Owner: "ada", Since: at})
}

// A client that has seen events before the log had them sees none twice.
func TestAClientIsAheadOfTheLog(t *testing.T) {
	t.Parallel()
	server := redistest.Server(t)
	network := newProxy(t, server.URL)
	a := join(t, network.url(), Options{}, "/", "r")
	b := join(t, server.URL, Options{}, "/", "r")
	texts := numbered(1, 8)
	a.appendAll(t, texts[:2], "r")
	b.expect(t, texts[:2]...)
	a.expect(t, texts[:2]...)
	a.begin(t, "p")
	a.begin(t, "q")
	network.set(true)
	a.appendAll(t, texts[2:5], "r")
	a.expect(t, texts[:5]...)
	ahead := a.offsets()[3]
	b.append(t, `["b"]`, "r")
	b.expect(t, append(slices.Clone(texts[:2]), `["b"]`)...)
	b.mustNotResume(t, "the log has not what the client saw", "p", "ada", ahead)
	network.set(false)
	b.expect(t, append(slices.Clone(texts[:2]), append([]string{`["b"]`}, texts[2:5]...)...)...)
	r := b.mustResume(t, "p", ahead, `["b"]`, texts[4])
	// Only the first of them arrives; then the client comes back to its first container.
	eventually(t, "all came back", func() (bool, any) { return a.journal().own.quietAfter(a.journal(), 5), nil })
	a.mustResume(t, "p", missedAt(t, r, 0), texts[4])
	a.mustResume(t, "p", missedAt(t, r, 1))
	a.mustResume(t, "q", "", append([]string{`["b"]`}, texts[2:5]...)...)
}

// What players here have seen and nobody has written yet is not missed by who was away.
func TestWhatIsNotLoggedYetIsResumedHere(t *testing.T) {
	t.Parallel()
	address, opts := patient(redistest.Server(t).URL)
	opts.Hold = 100 * time.Millisecond
	a := join(t, address, opts, "/", "r")
	a.append(t, `["one"]`, "r")
	a.expect(t, `["one"]`)
	a.begin(t, "p")
	a.deafen(func(string) bool { return true })
	j := a.journal()
	j.filling.Lock() // nothing comes back
	a.append(t, `["two"]`, "r")
	a.append(t, `["three"]`, "r")
	a.expect(t, `["one"]`, `["two"]`, `["three"]`)
	r := a.mustResume(t, "p", "", `["two"]`, `["three"]`)
	if r.Offset != j.Position() || r.Offset != missedAt(t, r, 1) {
		t.Errorf("resumed at %s; missed up to %s; position %s", r.Offset, missedAt(t, r, 1), j.Position())
	}
	a.mustResume(t, "p", missedAt(t, r, 0), `["three"]`)
	a.mustResume(t, "p", missedAt(t, r, 1))
	j.filling.Unlock()
	a.deafen(func(string) bool { return false })
	a.append(t, `["four"]`, "r")
	a.expect(t, `["one"]`, `["two"]`, `["three"]`, `["four"]`)
	b := join(t, address, opts, "/", "r")
	b.mustResume(t, "p", missedAt(t, r, 0), `["three"]`, `["four"]`)
	b.mustResume(t, "p", missedAt(t, r, 1), `["four"]`)
}

// Many come back at once: what they missed is near.
func TestManyClientsComeBackAtOnce(t *testing.T) {
	t.Parallel()
	address, opts := patient(redistest.Server(t).URL)
	a := join(t, address, opts, "/", "r")
	b := join(t, address, opts, "/", "r")
	clients := 300
	if os.Getenv("VEGAS_SOAK") != "" {
		clients = 2000
	}
	at := a.journal().Position()
	for i := range clients {
		a.journal().Save(socketio.Session{PID: fmt.Sprint("p", i), SID: fmt.Sprint("s", i), Owner: "ada", Since: at, Stays: []socketio.Stay{{Room: "r", Since: at}}})
	}
	a.expectSaved(t, fmt.Sprint("p", clients-1), true)
	texts := numbered(1, 20)
	a.appendAll(t, texts, "r")
	b.expect(t, texts...)
	before, began := b.reads(t), time.Now()
	var all sync.WaitGroup
	for i := range clients {
		all.Go(func() { b.mustResume(t, fmt.Sprint("p", i), "", texts...) }) // ends with it
	}
	all.Wait()
	t.Logf("%d clients are back after %s", clients, time.Since(began))
	if n := b.reads(t) - before; n != 0 {
		t.Errorf("the log was read %d times", n)
	}
}

// reads counts how often Redis has looked into streams.
func (n *node) reads(t *testing.T) (calls int) {
	t.Helper()
	info, err := n.client.Info(t.Context(), "commandstats").Result()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(info) {
		if rest, ok := strings.CutPrefix(line, "cmdstat_xrange:calls="); ok {
			if _, err := fmt.Sscanf(rest, "%d", &calls); err != nil {
				t.Fatal(err)
			}
		}
	}
	return calls
}
