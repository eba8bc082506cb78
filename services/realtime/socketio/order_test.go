package socketio

import (
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// TestEveryClientReceivesInTheOrderOfTheCalls emits to random rooms and
// sockets while these change, and compares with what one call after another
// would give.
func TestEveryClientReceivesInTheOrderOfTheCalls(t *testing.T) {
	t.Parallel()
	roomNames := []string{"a", "b", "c"}
	rapid.Check(t, func(r *rapid.T) {
		srv, web := start(Options{}, rooms)
		defer stop(t, srv, web)
		ns := srv.Of("/")
		fill(srv, 100, "c") // a room in which broadcasts linger
		peers := make([]*peer, 4)
		sockets := make([]*Socket, len(peers))
		in := make([]map[string]bool, len(peers))
		want := make([][]string, len(peers))
		for i := range peers {
			peers[i] = join(t, web.URL, "/")
			sockets[i] = ns.Sockets(peers[i].id)[0]
			in[i] = map[string]bool{peers[i].id: true}
		}
		some := rapid.SliceOfNDistinct(rapid.SampledFrom(roomNames), 0, 3, rapid.ID[string])
		one := rapid.IntRange(0, len(peers)-1)
		member := func(i int, names []string) bool {
			return slices.ContainsFunc(names, func(name string) bool { return in[i][name] })
		}
		for n := range 60 {
			text := fmt.Sprintf(`2["n",%d]`, n)
			i := one.Draw(r, "socket")
			switch rapid.IntRange(0, 9).Draw(r, "action") {
			case 0:
				to := some.Draw(r, "join")
				sockets[i].Join(to...)
				for _, name := range to {
					in[i][name] = true
				}
			case 1:
				from := some.Draw(r, "leave")
				sockets[i].Leave(from...)
				for _, name := range from {
					delete(in[i], name)
				}
			case 2, 3:
				ok(t, sockets[i].Emit("n", n))
				want[i] = append(want[i], text)
			default:
				to, except := some.Draw(r, "to"), some.Draw(r, "except")
				if len(except) == 3 {
					except = []string{peers[i].id}
				}
				if rapid.Bool().Draw(r, "by id") {
					to = append(slices.Clip(to), peers[i].id)
				}
				if err := ns.To(to...).Except(except...).Emit("n", n); err != nil {
					r.Fatal(err)
				}
				for j := range peers {
					if (len(to) == 0 || member(j, to)) && !member(j, except) {
						want[j] = append(want[j], text)
					}
				}
			}
		}
		for i, s := range sockets {
			ok(t, s.Emit("end"))
			var got []string
			for text := peers[i].next(); text != `2["end"]`; text = peers[i].next() {
				got = append(got, text)
			}
			if diff := cmp.Diff(want[i], got); diff != "" {
				r.Fatalf("socket %d: %s", i, diff)
			}
			peers[i].close()
		}
	})
}

// TestEmittersDoNotDisturbEachOthersOrder emits from many goroutines to rooms
// that share their members.
func TestEmittersDoNotDisturbEachOthersOrder(t *testing.T) {
	t.Parallel()
	const emitters, each = 4, 300
	srv, url := serve(t, Options{}, rooms)
	ns := srv.Of("/")
	fill(srv, 100, "big")
	peers := make([]*peer, 3)
	for i := range peers {
		peers[i] = join(t, url, "/").joinRooms("big", "small", fmt.Sprint("own", i))
	}
	var group sync.WaitGroup
	for e := range emitters {
		group.Go(func() {
			for n := range each {
				target := [][]string{{"big"}, {"small"}, {"big", "small"}, {}, {"own0", "own1", "own2"}}[n%5]
				if err := ns.To(target...).Emit("n", e, n); err != nil {
					t.Error(err)
				}
				if n%7 == 0 {
					for _, p := range peers {
						ok(t, ns.Sockets(p.id)[0].Emit("direct", e, n))
					}
				}
			}
		})
	}
	group.Wait()
	for i, p := range peers {
		next := make([]int, emitters)
		direct := 0
		for range emitters * each {
			var got []any
			for {
				if err := json.Unmarshal([]byte(p.next()[1:]), &got); err != nil {
					t.Fatal(err)
				}
				if got[0] == "n" {
					break
				}
				direct++
				if e, n := int(got[1].(float64)), int(got[2].(float64)); n != next[e]-1 {
					t.Fatalf("peer %d: direct emit %d of emitter %d came before %d", i, n, e, next[e])
				}
			}
			e, n := int(got[1].(float64)), int(got[2].(float64))
			if n != next[e] {
				t.Fatalf("peer %d: emitter %d: received %d, want %d", i, e, n, next[e])
			}
			next[e]++
		}
	}
}
