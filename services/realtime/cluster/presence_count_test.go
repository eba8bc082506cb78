package cluster

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/vegascore/vegascore/shared/redistest"
)

func expectCensus(t *testing.T, p *Presence, room string, players, sockets int) {
	t.Helper()
	eventually(t, "census of "+room, func() (bool, any) {
		who, err := p.Who(context.Background(), room, 2)
		count, err2 := p.Count(context.Background(), room)
		ok := err == nil && err2 == nil && who.Players == players && who.Sockets == sockets && len(who.Members) == min(2, players) &&
			count.Players == players && count.Sockets == sockets
		return ok, fmt.Sprint(who, count, err, err2)
	})
}

func TestARoomIsCountedByPlayerAndBySocket(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, address string) {
		var told news
		a, _ := container(t, address, PresenceOptions{}, &told)
		b, _ := container(t, address, PresenceOptions{}, &told)
		for range 5 {
			a.Join("r", "p1", "Ada")
			b.Join("r", "p1", "Ada")
		}
		b.Join("r", "p2", "Bob")
		b.Join("r", "p3", "Cid")
		c := NewPresence(dial(t, address), PresenceOptions{}, testLog(t)) // has no players
		for _, p := range []*Presence{a, b, c} {
			expectCensus(t, p, "r", 3, 12)
		}
		a.Leave("r", "p1") // a tab of five
		for _, p := range []*Presence{a, b, c} {
			expectCensus(t, p, "r", 3, 11)
		}
		told.mu.Lock()
		defer told.mu.Unlock()
		if !slices.ContainsFunc(told.changes, func(c Change) bool { return c.Members == 3 && c.Sockets >= 3 }) {
			t.Errorf("told of %+v; want 3 players with their sockets among it", told.changes)
		}
	})
}

// The dead container's players are neither counted nor listed while nobody has removed
// them yet.
func TestADeadContainerIsNotCounted(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, address string) {
		victim := NewPresence(dial(t, address), PresenceOptions{Lease: 400 * time.Millisecond}, testLog(t))
		victim.Join("r", "p1", "Ada")
		victim.Join("r", "p2", "Bob")
		if err := victim.write(t.Context()); err != nil {
			t.Fatal(err)
		}
		alive := NewPresence(dial(t, address), PresenceOptions{}, testLog(t))
		alive.Join("r", "p2", "Bob")
		if err := alive.write(t.Context()); err != nil {
			t.Fatal(err)
		}
		expectCensus(t, alive, "r", 1, 1)
	})
}

func TestTheClusterIsCounted(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, address string) {
		opts := PresenceOptions{Look: 50 * time.Millisecond, Sockets: func() int { return 7 }}
		var told news
		a, _ := container(t, address, opts, &told)
		b, stop := container(t, address, opts, &told)
		a.Join("r1", "p1", "Ada")
		a.Join("r2", "p1", "Ada")
		b.Join("r2", "p2", "Bob")
		expect := func(p *Presence, want Stats) {
			t.Helper()
			eventually(t, "the cluster", func() (bool, any) {
				got := p.Cluster()
				return got == want, got
			})
		}
		expect(a, Stats{Containers: 2, Sockets: 14, Rooms: 2})
		expect(b, Stats{Containers: 2, Sockets: 14, Rooms: 2})
		victim := NewPresence(dial(t, address), opts, testLog(t))
		if err := victim.look(t.Context()); err != nil { // and no more
			t.Fatal(err)
		}
		if got, want := victim.Cluster(), (Stats{Containers: 3, Sockets: 21, Rooms: 2}); got != want {
			t.Errorf("three containers are %+v, want %+v", got, want)
		}
		expect(a, Stats{Containers: 2, Sockets: 14, Rooms: 2}) // its lease has ended
		stop()
		a.Leave("r1", "p1")
		expect(a, Stats{Containers: 1, Sockets: 7, Rooms: 1})
	})
}

// A room that is written in several parts comes back whole, and all leave it.
func TestALargeRoomComesBackWhole(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, address string) {
		const crowd = 2*callSize + 100
		var told news
		address, _ = patient(address)
		a, stop := container(t, address, PresenceOptions{Renew: time.Hour, Look: 100 * time.Millisecond, Farewell: patience}, &told)
		b, _ := container(t, address, PresenceOptions{Renew: time.Hour, Look: 100 * time.Millisecond}, &told)
		for i := range crowd {
			a.Join("r", fmt.Sprint("p", i), "A player")
		}
		b.Join("r", "p0", "A player")
		c := NewPresence(dial(t, address), PresenceOptions{}, testLog(t))
		expectCensus(t, c, "r", crowd, crowd+1)
		if err := dial(t, address).FlushAll(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
		a.Join("r", "p1", "A player") // a write of one player finds the others missing
		expectCensus(t, c, "r", crowd, crowd+2)
		stop()
		expectCensus(t, c, "r", 1, 1)
		gone := 0
		for one, times := range told.heard("r") {
			if times != 1 {
				t.Fatalf("%s was told %d times", one, times)
			}
			if one[0] == '-' {
				gone++
			}
		}
		if gone != crowd-1 {
			t.Errorf("%d players were told to be gone, want %d", gone, crowd-1)
		}
	})
}

// What three containers write in any order adds up to what their players did, and
// whoever listens to the changes knows who is there.
func TestPresenceAddsUp(t *testing.T) {
	t.Parallel()
	client := dial(t, "redis://"+miniredis.RunT(t).Addr())
	rapid.Check(t, func(t *rapid.T) {
		if err := client.FlushAll(context.Background()).Err(); err != nil {
			t.Fatal(err)
		}
		lost := false
		heard := map[string]int{} // what a listener believes, by player
		var all []*Presence
		for range 3 {
			all = append(all, NewPresence(client, PresenceOptions{Changed: func(c Change) {
				for _, m := range c.Joined {
					heard[m.ID]++
				}
				for _, m := range c.Left {
					heard[m.ID]--
				}
			}}, slog.New(slog.DiscardHandler)))
		}
		type place struct {
			container int
			player    string
		}
		tabs := map[place]int{}
		who := rapid.Custom(func(t *rapid.T) place {
			return place{rapid.IntRange(0, 2).Draw(t, "container"), rapid.SampledFrom([]string{"p1", "p2", "p3"}).Draw(t, "player")}
		})
		sync := func(n int) {
			if err := all[n].look(context.Background()); err != nil {
				t.Fatal(err)
			}
			if err := all[n].write(context.Background()); err != nil {
				t.Fatal(err)
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"join": func(t *rapid.T) {
				at := who.Draw(t, "who")
				all[at.container].Join("r", at.player, at.player)
				tabs[at]++
			},
			"leave": func(t *rapid.T) {
				at := who.Draw(t, "who")
				all[at.container].Leave("r", at.player)
				tabs[at] = max(0, tabs[at]-1)
			},
			"write": func(t *rapid.T) { sync(rapid.IntRange(0, 2).Draw(t, "container")) },
			"lose": func(t *rapid.T) {
				lost = true
				if err := client.FlushAll(context.Background()).Err(); err != nil {
					t.Fatal(err)
				}
			},
		})
		for n := range all {
			sync(n)
		}
		var want []string
		sockets := 0
		for at, n := range tabs {
			if sockets += n; n > 0 && !slices.Contains(want, at.player) {
				want = append(want, at.player)
			}
		}
		slices.Sort(want)
		census, err := NewPresence(client, PresenceOptions{}, slog.New(slog.DiscardHandler)).Who(context.Background(), "r", 10)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, m := range census.Members {
			got = append(got, m.ID)
		}
		if !cmp.Equal(want, got) || census.Sockets != sockets {
			t.Fatalf("Redis has %v with %d sockets, want %v with %d", got, census.Sockets, want, sockets)
		}
		if lost {
			return // who left while Redis knew nothing is noticed by the count of the next change
		}
		for _, player := range []string{"p1", "p2", "p3"} {
			if there := slices.Contains(want, player); there != (heard[player] == 1) {
				t.Fatalf("a listener heard %s come %d times more than go, there = %v", player, heard[player], there)
			}
		}
	})
}

func TestPresenceWithoutOthersKnowsItsOwn(t *testing.T) {
	t.Parallel()
	var told news
	p := NewPresence(nil, PresenceOptions{Changed: told.add, Sockets: func() int { return 2 }}, testLog(t))
	start(t, p.Run)
	p.Join("r", "p1", "Ada")
	p.Join("r", "p1", "Ada")
	p.Join("r", "p2", "Bob")
	expectCensus(t, p, "r", 2, 3)
	told.expect(t, "r", map[string]int{"+p1": 1, "+p2": 1})
	p.Leave("r", "p1")
	p.Leave("r", "p2")
	told.expect(t, "r", map[string]int{"+p1": 1, "+p2": 1, "-p2": 1})
	p.Leave("r", "p1")
	told.expect(t, "r", map[string]int{"+p1": 1, "+p2": 1, "-p2": 1, "-p1": 1})
	p.Join("r", "p1", "Ada")
	told.expect(t, "r", map[string]int{"+p1": 2, "+p2": 1, "-p2": 1, "-p1": 1})
	if got, want := p.Cluster(), (Stats{Containers: 1, Sockets: 2, Rooms: 1}); got != want {
		t.Errorf("Cluster = %+v, want %+v", got, want)
	}
}

// Rooms are on different nodes of a Redis Cluster, and move between them.
func TestPresenceOnARedisCluster(t *testing.T) {
	t.Parallel()
	nodes := redistest.Cluster(t)
	var told news
	a, _ := container(t, nodes.URL, PresenceOptions{Renew: time.Hour}, &told)
	b, stop := container(t, nodes.URL, PresenceOptions{Renew: time.Hour}, &told)
	for i := range 20 {
		room := fmt.Sprint("r", i)
		a.Join(room, "p1", "Ada")
		b.Join(room, "p1", "Ada")
		b.Join(room, "p2", "Bob")
	}
	c := NewPresence(dial(t, nodes.URL), PresenceOptions{}, testLog(t))
	for i := range 20 {
		expectCensus(t, c, fmt.Sprint("r", i), 2, 3)
	}
	eventually(t, "the cluster is counted", func() (bool, any) {
		got := a.Cluster()
		return got == Stats{Containers: 2, Rooms: 20}, got
	})
	nodes.Move(a.key("r0"))
	nodes.Failover(a.key("r1")) // the new master does not know the scripts
	for _, room := range []string{"r0", "r1"} {
		a.Join(room, "p1", "Ada")
		expectCensus(t, c, room, 2, 4)
		a.Leave(room, "p1")
	}
	stop()
	for i := range 20 {
		expectCensus(t, c, fmt.Sprint("r", i), 1, 1)
		told.expect(t, fmt.Sprint("r", i), map[string]int{"+p1": 1, "+p2": 1, "-p2": 1})
	}
}
