package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vegascore/vegascore/shared/redistest"
)

// news collects what Changed was told.
type news struct {
	mu      sync.Mutex
	changes []Change
}

func (n *news) add(c Change) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.changes = append(n.changes, c)
}

// heard counts how often each "+id" came and each "-id" went in a room.
func (n *news) heard(room string) map[string]int {
	n.mu.Lock()
	defer n.mu.Unlock()
	counts := map[string]int{}
	for _, c := range n.changes {
		if c.Room != room {
			continue
		}
		for _, m := range c.Joined {
			counts["+"+m.ID]++
		}
		for _, m := range c.Left {
			counts["-"+m.ID]++
		}
	}
	return counts
}

func (n *news) expect(t *testing.T, room string, want map[string]int) {
	t.Helper()
	eventually(t, "changes of "+room, func() (bool, any) {
		got := n.heard(room)
		return cmp.Equal(want, got), got
	})
}

// container starts a presence as a process would; stop ends it in order.
func container(t *testing.T, address string, opts PresenceOptions, told *news) (p *Presence, stop func()) {
	t.Helper()
	opts.Changed = told.add
	p = NewPresence(dial(t, address), opts, testLog(t))
	return p, start(t, p.Run)
}

func ids(t *testing.T, p *Presence, room string) []string {
	t.Helper()
	census, err := p.Who(context.Background(), room, 10_000)
	if err != nil && !errors.Is(err, ErrAlone) {
		t.Errorf("Who: %v", err)
	}
	var out []string
	for _, m := range census.Members {
		out = append(out, m.ID)
	}
	return out
}

func expectMembers(t *testing.T, p *Presence, room string, want ...string) {
	t.Helper()
	eventually(t, "members of "+room, func() (bool, any) {
		got := ids(t, p, room)
		return slices.Equal(got, want), got
	})
}

func TestPresenceCountsAPlayerOnce(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, address string) {
		var told news
		a, _ := container(t, address, PresenceOptions{}, &told)
		b, _ := container(t, address, PresenceOptions{}, &told)
		for range 5 { // ten tabs over two containers
			a.Join("r", "p1", "Ada")
			b.Join("r", "p1", "Ada")
		}
		b.Join("r", "p2", "Bob")
		expectMembers(t, a, "r", "p1", "p2")
		expectMembers(t, b, "r", "p1", "p2")
		told.expect(t, "r", map[string]int{"+p1": 1, "+p2": 1})

		for range 5 {
			a.Leave("r", "p1")
		}
		for range 4 {
			b.Leave("r", "p1")
		}
		b.Leave("r", "p2")
		told.expect(t, "r", map[string]int{"+p1": 1, "+p2": 1, "-p2": 1})
		expectMembers(t, a, "r", "p1") // one tab is left
		b.Leave("r", "p1")
		told.expect(t, "r", map[string]int{"+p1": 1, "+p2": 1, "-p2": 1, "-p1": 1})
		expectMembers(t, a, "r")
		b.Leave("r", "p1") // nobody is there any more
		b.Leave("nowhere", "p1")
	})
}

func TestPresenceSeesNamesAndNumbers(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, address string) {
		var told news
		a, _ := container(t, address, PresenceOptions{}, &told)
		b, _ := container(t, address, PresenceOptions{}, &told)
		want := []Member{{"p1", `"Ada" {x}`}, {"p2", "Bob=;"}, {"p3", "Ćira"}}
		for _, m := range want {
			a.Join("table:dice-1", m.ID, m.Name)
		}
		eventually(t, "members", func() (bool, any) {
			got, err := b.Who(context.Background(), "table:dice-1", 10)
			return err == nil && cmp.Equal(want, got.Members), got
		})
		told.expect(t, "table:dice-1", map[string]int{"+p1": 1, "+p2": 1, "+p3": 1})
		told.mu.Lock()
		defer told.mu.Unlock()
		if last := told.changes[len(told.changes)-1]; last.Members != 3 {
			t.Errorf("last change = %+v; want 3 members", last)
		}
	})
}

// A killed container stops renewing and says nothing.
func TestPlayersOfAKilledContainerRunOut(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, address string) {
		lease := PresenceOptions{Lease: 900 * time.Millisecond}
		var told, dead news
		a, _ := container(t, address, lease, &told)
		a.Join("r", "p1", "Ada")
		told.expect(t, "r", map[string]int{"+p1": 1})
		victim := NewPresence(dial(t, address), PresenceOptions{Lease: lease.Lease, Changed: dead.add}, testLog(t))
		victim.Join("r", "p2", "Bob")
		victim.Join("r", "p1", "Ada")
		began := time.Now()
		if err := victim.write(context.Background()); err != nil {
			t.Fatal(err)
		}
		expectMembers(t, a, "r", "p1", "p2")
		expectMembers(t, a, "r", "p1")
		t.Logf("gone after %s with a lease of %s", time.Since(began), lease.Lease)
		told.expect(t, "r", map[string]int{"+p1": 1, "-p2": 1})
		dead.expect(t, "r", map[string]int{"+p2": 1})
		room, err := dial(t, address).HGetAll(t.Context(), a.key("r")).Result()
		if text := fmt.Sprint(room); err != nil || strings.Contains(text, victim.opts.Container) || !strings.Contains(text, a.opts.Container) {
			t.Errorf("the room is %v, %v; want one container in it", room, err)
		}
	})
}

// Nobody is there to remove what has run out; it is not shown either.
func TestALeaseThatEndedIsNotShown(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, address string) {
		lease := PresenceOptions{Lease: 500 * time.Millisecond}
		victim := NewPresence(dial(t, address), lease, testLog(t))
		victim.Join("r", "p1", "Ada")
		if err := victim.write(t.Context()); err != nil {
			t.Fatal(err)
		}
		client := dial(t, address)
		if err := client.Persist(t.Context(), victim.key("r")).Err(); err != nil {
			t.Fatal(err)
		}
		observer := NewPresence(client, lease, testLog(t))
		expectMembers(t, observer, "r", "p1")
		expectMembers(t, observer, "r")
	})
}

func TestPlayersOfAnEndedContainerAreGoneAtOnce(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, address string) {
		var told news
		a, _ := container(t, address, PresenceOptions{}, &told)
		b, stop := container(t, address, PresenceOptions{}, &told)
		b.Join("r", "p1", "Ada")
		expectMembers(t, a, "r", "p1")
		stop()
		if got := ids(t, a, "r"); len(got) != 0 {
			t.Errorf("members = %v; want none", got)
		}
		told.expect(t, "r", map[string]int{"+p1": 1, "-p1": 1})
	})
}

func TestPresenceRebuildsWhatRedisLost(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, address string) {
		opts := PresenceOptions{Renew: time.Hour}
		var told news
		a, _ := container(t, address, opts, &told)
		b, _ := container(t, address, opts, &told)
		a.Join("r", "p1", "Ada")
		b.Join("r", "p2", "Bob")
		expectMembers(t, a, "r", "p1", "p2")
		client := dial(t, address)
		for _, lose := range []func() error{
			func() error { return client.FlushAll(t.Context()).Err() },
			func() error { return client.Del(t.Context(), a.key("r")).Err() },
			func() error { return client.ScriptFlush(t.Context()).Err() },
		} {
			if err := lose(); err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			observer := NewPresence(client, PresenceOptions{}, testLog(t)) // has no players of its own to show
			expectMembers(t, observer, "r", "p1", "p2")
			t.Logf("complete again after %s", time.Since(began))
		}
		told.expect(t, "r", map[string]int{"+p1": 1, "+p2": 1}) // nobody came or went
	})
}

func TestPresenceWithoutRedisKnowsItsOwn(t *testing.T) {
	t.Parallel()
	server := redistest.Server(t)
	var toldA, toldB news
	a, _ := container(t, server.URL, PresenceOptions{}, &toldA)
	b, _ := container(t, server.URL, PresenceOptions{}, &toldB)
	a.Join("r", "p1", "Ada")
	b.Join("r", "p2", "Bob")
	expectMembers(t, a, "r", "p1", "p2")
	server.Kill()
	a.Join("r", "p3", "Cid")
	a.Leave("r", "p1")
	toldA.expect(t, "r", map[string]int{"+p1": 1, "+p3": 1, "-p1": 1})
	got, err := a.Who(context.Background(), "r", 10)
	if want := (Census{Members: []Member{{"p3", "Cid"}}, Players: 1, Sockets: 1}); !errors.Is(err, ErrAlone) || !cmp.Equal(want, got) {
		t.Errorf("Who = %v, %v; want %v and %v", got, err, want, ErrAlone)
	}
	if got, err := a.Count(context.Background(), "r"); !errors.Is(err, ErrAlone) || got.Players != 1 || got.Sockets != 1 {
		t.Errorf("Count = %v, %v; want one player and %v", got, err, ErrAlone)
	}
	server.Start()
	b.Refresh() // as the adapter's gap would have it
	expectMembers(t, b, "r", "p2", "p3")
	expectMembers(t, a, "r", "p2", "p3")
	// Now that b's sockets can hear it, Cid is announced to all.
	toldA.expect(t, "r", map[string]int{"+p1": 1, "+p3": 2, "-p1": 1})
	toldB.expect(t, "r", map[string]int{"+p2": 1})
}

// Its leases ran out and the others were told: its players are announced again.
func TestAContainerThatWasAwayForALeaseComesBack(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, address string) {
		opts := PresenceOptions{Lease: 600 * time.Millisecond}
		var told, late news
		a, _ := container(t, address, opts, &told)
		a.Join("r", "p1", "Ada")
		b := NewPresence(dial(t, address), PresenceOptions{Lease: opts.Lease, Changed: late.add}, testLog(t))
		b.Join("r", "p2", "Bob")
		if err := b.write(t.Context()); err != nil {
			t.Fatal(err)
		}
		told.expect(t, "r", map[string]int{"+p1": 1, "-p2": 1})
		start(t, b.Run)
		b.Refresh()
		late.expect(t, "r", map[string]int{"+p2": 2})
		expectMembers(t, a, "r", "p1", "p2")
	})
}

func TestAFrozenRedisDoesNotHoldUpPlayers(t *testing.T) {
	t.Parallel()
	server := redistest.Server(t)
	var told news
	a, _ := container(t, server.URL, PresenceOptions{}, &told)
	a.Join("r", "p1", "Ada")
	told.expect(t, "r", map[string]int{"+p1": 1})
	server.Stop()
	defer server.Cont()
	began := time.Now()
	for i := range 1000 {
		a.Join("r", fmt.Sprint("q", i), "Q")
	}
	if spent := time.Since(began); spent > time.Second {
		t.Errorf("1,000 joins took %s", spent)
	}
	eventually(t, "the local members", func() (bool, any) {
		got := len(ids(t, a, "r"))
		return got == 1001, got
	})
	server.Cont()
	b := NewPresence(dial(t, server.URL), PresenceOptions{}, testLog(t))
	eventually(t, "all members", func() (bool, any) {
		got := len(ids(t, b, "r"))
		return got == 1001, got
	})
}

func TestOneReadServesAllWhoAskDuringAnother(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, address string) {
		var told news
		a, _ := container(t, address, PresenceOptions{}, &told)
		b, _ := container(t, address, PresenceOptions{}, &told)
		var wg sync.WaitGroup
		for i := range 200 {
			wg.Go(func() {
				player := fmt.Sprint("p", i)
				a.Join("r", player, player)
				if got := ids(t, a, "r"); !slices.Contains(got, player) {
					t.Errorf("%s does not see themselves among %d", player, len(got))
				}
			})
		}
		wg.Wait()
		eventually(t, "all members elsewhere", func() (bool, any) {
			got := len(ids(t, b, "r"))
			return got == 200, got
		})
		a.mu.Lock()
		defer a.mu.Unlock()
		if len(a.lookups) != 0 {
			t.Errorf("%d lookups are left", len(a.lookups))
		}
	})
}
