package cluster

import (
	"fmt"
	"testing"
	"time"

	"github.com/vegascore/vegascore/services/realtime/socketio"
	"github.com/vegascore/vegascore/shared/redistest"
)

// On a Redis Cluster each room's channel is on the node of its slot. Rooms hear of each
// other wherever that is, also after it has moved, and servers answer each other.
func TestShardedContainersUseEveryNodeOfARedisCluster(t *testing.T) {
	t.Parallel()
	nodes := redistest.Cluster(t)
	for _, how := range []setup{
		{name: "dynamic", mode: Dynamic, opts: Options{Prefix: "plain", Quiet: 500 * time.Millisecond}},
		{name: "dynamic with a log", mode: Dynamic, opts: Options{Prefix: "logged", Quiet: 500 * time.Millisecond}, recovery: time.Minute},
	} {
		t.Run(how.name, func(t *testing.T) {
			one := &mixed{setup: how, url: nodes.URL, heard: map[string]int{}}
			other := &mixed{setup: how, url: nodes.URL, heard: map[string]int{}}
			one.serve(t)
			other.serve(t)
			eventually(t, "both count two", func() (bool, any) {
				a, b := one.adapter.Status(), other.adapter.Status()
				return a.Containers == 2 && b.Containers == 2, fmt.Sprint(a, b)
			})
			ns := one.ours.Of("/")
			var rooms []string
			for i := range 12 { // on all three masters
				room := fmt.Sprint("room ", i)
				rooms = append(rooms, room)
				other.clients.join(t, "g", room)
			}
			for _, room := range rooms {
				reaches(t, ns, other, room)
			}
			eventually(t, "both are found", func() (bool, any) {
				found, err := ns.FetchSockets(t.Context())
				return err == nil && len(found) == 2, fmt.Sprint(len(found), err)
			})
			eventually(t, "both answer", func() (bool, any) {
				answers, err := ns.To("r").EmitWithAck(t.Context(), "ask", 1)
				return err == nil && len(answers) == 2, fmt.Sprint(len(answers), err)
			})
			for _, channel := range []string{how.opts.Prefix + "#/#" + rooms[3] + "#", how.opts.Prefix + "#/#"} {
				nodes.Move(channel, func() {}, func() {})
				for _, room := range rooms {
					reaches(t, ns, other, room)
				}
			}
			eventually(t, "both are found after the moves", func() (bool, any) {
				found, err := ns.FetchSockets(t.Context())
				return err == nil && len(found) == 2, fmt.Sprint(len(found), err)
			})
		})
	}
}

// reaches emits to a room until the other container's client hears it. What is in no log
// may be lost while a slot moves, or before a channel is listened to.
func reaches(t *testing.T, ns *socketio.Namespace, m *mixed, room string) {
	t.Helper()
	event := fmt.Sprint("to ", room, " at ", time.Now().UnixNano())
	var last time.Time
	eventually(t, room+" is heard", func() (bool, any) {
		if time.Since(last) > 200*time.Millisecond {
			ok(t, ns.To(room).Emit(event))
			last = time.Now()
		}
		m.clients.mu.Lock()
		defer m.clients.mu.Unlock()
		for _, l := range m.clients.lines {
			if l.On == "event" && l.Event == event {
				return true, nil
			}
		}
		return false, m.adapter.Status()
	})
}
