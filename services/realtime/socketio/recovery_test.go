package socketio

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// session is a raw client that keeps what recovery needs of it.
type session struct {
	*peer
	pid, offset string
	recovered   bool
}

// begin opens a connection and connects it to "/", with the ids of a former
// session unless it is nil.
func begin(t testing.TB, url string, was *session) *session {
	t.Helper()
	s := &session{peer: dial(t, url)}
	auth := map[string]any{"token": "x"}
	if was != nil {
		auth["pid"], s.offset = was.pid, was.offset
		if was.offset != "" {
			auth["offset"] = was.offset
		}
	}
	text, err := json.Marshal(auth)
	ok(t, err)
	s.send("0" + string(text))
	body, found := strings.CutPrefix(s.next(), "0")
	var answer struct{ SID, PID string }
	if !found || json.Unmarshal([]byte(body), &answer) != nil || len(answer.SID) != idLength || len(answer.PID) != idLength {
		t.Fatalf("connect was answered by %s", body)
	}
	s.recovered = was != nil && answer.PID == was.pid
	if s.recovered != (was != nil && answer.SID == was.id) {
		t.Fatalf("of the ids only one is the former: %s", body)
	}
	s.id, s.pid = answer.SID, answer.PID
	return s
}

// event takes the next event apart: what was emitted, and the offset.
func (s *session) event() string {
	s.t.Helper()
	text := s.next()
	var args []any
	if !strings.HasPrefix(text, "2[") || json.Unmarshal([]byte(text[1:]), &args) != nil {
		s.t.Fatalf("received %s, want an event", text)
	}
	offset, isText := args[len(args)-1].(string)
	if !isText || !strings.Contains(offset, ".") {
		s.t.Fatalf("received %s, which ends in no offset", text)
	}
	s.offset = offset
	return strings.TrimSuffix(text, fmt.Sprintf(`,%q]`, offset)) + "]"
}

// events fails unless these are the next events.
func (s *session) events(want ...string) {
	s.t.Helper()
	for _, want := range want {
		if got := s.event(); got != "2"+want {
			s.t.Fatalf("received %s, want %s", got, want)
		}
	}
}

// again comes back with another connection and fails unless it is recovered.
func (s *session) again(url string) *session {
	s.t.Helper()
	s.close()
	next := begin(s.t, url, s)
	if !next.recovered {
		s.t.Fatal("not recovered")
	}
	return next
}

// recovering serves with recovery in memory.
func recovering(t testing.TB, setup func(*Server)) (*Namespace, string) {
	t.Helper()
	srv, url := serve(t, Options{Recovery: time.Minute}, func(srv *Server) {
		rooms(srv)
		if setup != nil {
			setup(srv)
		}
	})
	return srv.Of("/"), url
}

func TestAClientGoesOnWhereItStopped(t *testing.T) {
	t.Parallel()
	ns, url := recovering(t, nil)
	s := begin(t, url, nil)
	first := s.id
	s.joinRooms("r")
	s.close()
	ok(t, ns.To("r").Emit("before the first event", "text"))
	s = s.again(url)
	s.events(`["before the first event","text"]`)

	ok(t, ns.Emit("n", 1))
	ok(t, ns.To("nowhere").Emit("n", 2))
	s.events(`["n",1]`)
	s.close()
	ok(t, ns.To("r").Emit("n", 3))
	ok(t, ns.Except("r").Emit("not for r"))
	ok(t, ns.To("r").Except(s.id).Emit("not for it"))
	ok(t, ns.To(s.id).Emit("n", 4))
	ok(t, ns.To("r", s.id, "nowhere").Emit("n", 5))
	s = s.again(url)
	s.events(`["n",3]`, `["n",4]`, `["n",5]`)
	ok(t, ns.To("r").Emit("n", 6))
	s.events(`["n",6]`)
	s.ping()
	if s.id != first {
		t.Errorf("id is %s, was %s", s.id, first)
	}
	socket := ns.Sockets(s.id)[0]
	if diff := cmp.Diff([]string{s.id, "r"}, socket.Rooms()); diff != "" {
		t.Error(diff)
	}
	if !socket.Recovered() || string(socket.Auth()) != `{"token":"x"}` {
		t.Errorf("recovered is %v, auth is %s", socket.Recovered(), socket.Auth())
	}
	if ns.Len() != 1 {
		t.Errorf("%d sockets, want 1", ns.Len())
	}
}

func TestRecoveriesAreCounted(t *testing.T) {
	t.Parallel()
	ns, url := recovering(t, nil)
	s := begin(t, url, nil)
	s.again(url)
	begin(t, url, &session{peer: s.peer, pid: "nobodysnobodysnobody"})
	if recovered, failed := ns.server.Recoveries(); recovered != 1 || failed != 1 {
		t.Errorf("%d recovered, %d failed; want one each, and the first connect in neither", recovered, failed)
	}
}

func TestEveryEventWithoutAnAckCarriesAnOffset(t *testing.T) {
	t.Parallel()
	ns, url := recovering(t, nil)
	c := begin(t, url, nil)
	c.joinRooms("r")
	socket := ns.Sockets(c.id)[0]
	ok(t, ns.To("r").Emit("n", 1))
	c.events(`["n",1]`)
	at := c.offset
	for _, emit := range []func(string, ...any) error{
		socket.Emit, socket.Volatile().Emit, ns.Volatile().Emit, ns.Local().To("r").Emit, ns.Volatile().To(c.id).Emit,
		func(event string, args ...any) error { return socket.EmitRaw(event, []byte(` [ "tail" ] `)) },
	} {
		ok(t, emit("e", "tail"))
		if got := strings.ReplaceAll(c.event(), " ", ""); got != `2["e","tail"]` {
			t.Errorf("received %s", got)
		}
		if c.offset != at {
			t.Errorf("offset is %s, want the one of the last event of the journal, %s", c.offset, at)
		}
	}
	ns.Deliver(Broadcast{Packet: Packet{Type: EventPacket, Data: []byte(`["peer","tail"]`)}})
	c.events(`["peer","tail"]`)
	go func() { // ends with the answer
		_, err := socket.EmitWithAck(t.Context(), "acked", "tail")
		ok(t, err)
	}()
	c.want(`20["acked","tail"]`)
	c.send(`30[]`)
	ok(t, ns.To("r").Emit("file", []byte("bytes")))
	text := c.next()
	if !strings.HasPrefix(text, `51-["file",{"_placeholder":true,"num":0},"`) {
		t.Errorf("received %s", text)
	}
	c.want("binary:bytes")
	c.ping()
}

func TestADirectEmitDoesNotPassWhatIsLost(t *testing.T) {
	t.Parallel()
	ns, url := recovering(t, nil)
	s := begin(t, url, nil)
	s.joinRooms("r")
	other := begin(t, url, nil)
	other.joinRooms("elsewhere")
	ok(t, ns.To("r").Emit("n", 1))
	ok(t, ns.To("elsewhere").Emit("n", 2))
	ok(t, ns.Sockets(s.id)[0].Emit("direct"))
	s.events(`["n",1]`)
	at := s.offset
	s.events(`["direct"]`)
	if s.offset != at {
		t.Errorf("a direct emit has offset %s, want %s", s.offset, at)
	}
	s = s.again(url)
	s.ping()
}
