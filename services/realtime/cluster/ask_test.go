package cluster

import (
	"slices"
	"testing"
)

func TestWeFindSocketsOfNodeServers(t *testing.T) {
	t.Parallel()
	m := mix(t)
	ns := m.ours.Of("/")
	found, err := ns.FetchSockets(t.Context())
	if err != nil || len(found) != 2 {
		t.Fatalf("FetchSockets = %+v, %v", found, err)
	}
	rooms, err := ns.AllRooms(t.Context())
	slices.Sort(rooms)
	want := []string{"r", m.onNode, m.onUs}
	slices.Sort(want)
	if err != nil || !slices.Equal(rooms, want) {
		t.Fatalf("AllRooms = %v, %v", rooms, err)
	}
	stats, err := ns.Stats(t.Context())
	if err != nil || stats.Servers != 2 || stats.Sockets != 2 || stats.Rooms != 1 {
		t.Fatalf("Stats = %+v, %v", stats, err)
	}
	answers, err := ns.EmitWithAck(t.Context(), "hi", 1)
	if err != nil || len(answers) != 2 {
		t.Fatalf("EmitWithAck = %v, %v", answers, err)
	}
	if err := ns.To(m.onNode).SocketsJoin("x"); err != nil {
		t.Fatal(err)
	}
	m.node.must(t, map[string]any{"do": "server_reply", "args": []any{"v"}})
	replies, err := ns.ServerSideEmitWithAck(t.Context(), "server_event", 7)
	if err != nil || len(replies) != 1 || string(replies[0].Raw(0)) != `"v"` {
		t.Fatalf("ServerSideEmitWithAck = %v, %v", replies, err)
	}
}
