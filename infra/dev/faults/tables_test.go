package faults

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/vegascore/vegascore/infra/dev/e2e/platform"
	"github.com/vegascore/vegascore/infra/dev/faults/oracle"
	"github.com/vegascore/vegascore/infra/dev/stack"
	"github.com/vegascore/vegascore/services/realtime/testclient"
)

const wheel = "roulette-1"

// gambler keeps betting at the wheel, each bet with one key until its outcome is known.
type gambler struct {
	*platform.Player
	told   []oracle.Bet
	closed int // refused because the table took no bets
}

func (g *gambler) play(ctx context.Context, t *testing.T) {
	bet := map[string]any{"game": "roulette", "table": wheel, "stake": 1, "params": map[string]any{"bet": "red"}}
	for n := 0; ctx.Err() == nil; n++ {
		key := fmt.Sprint("red-", n)
		for known := false; !known; {
			limited, cancel := context.WithTimeout(context.Background(), platform.Patience)
			answer, err := g.Do(limited, http.MethodPost, "/v1/bets", key, bet)
			cancel()
			switch {
			case err != nil || answer.Status >= 500 || answer.Status == http.StatusTooManyRequests:
				<-time.After(20 * time.Millisecond) // unknown: the same again
			case answer.Status == http.StatusCreated:
				var a struct{ Round struct{ ID string } }
				if err := json.Unmarshal(answer.Body, &a); err != nil {
					t.Error(err)
				}
				g.told, known = append(g.told, oracle.Bet{Player: g.ID, Key: key, Round: a.Round.ID}), true
			case answer.Code() == "bets_closed" || answer.Code() == "too_many_bets":
				g.closed++
				known = true
			default:
				t.Errorf("bet: %d %s", answer.Status, answer.Body)
				return
			}
		}
		<-time.After(rand.N(60 * time.Millisecond)) // people are slower than that
	}
}

// Whoever leads a shared table is killed, and who settles it: no bet is lost, no round is
// settled twice, and whoever sits there sees each round open, lock and settle, once each,
// in order.
func TestATableGoesOnWhileItsContainersAreKilled(t *testing.T) {
	t.Parallel()
	const sockets = 4
	p := platform.Start(t, stack.Options{Redis: stack.RedisServer, Env: map[string]map[string]string{
		"actions": {"TABLE_SPEED": "20"}, "": {"CROUPIER_LEASE": "1s"},
	}})
	gamblers := []*gambler{{Player: platform.Guest(t, p.URL, "Ada")}, {Player: platform.Guest(t, p.URL, "Bob")}, {Player: platform.Guest(t, p.URL, "Cyd")}}
	script := testclient.Start(t, "client.mjs")
	for i := range sockets {
		name := fmt.Sprint(i)
		script.Tell(testclient.Command{"do": "connect", "client": name, "url": p.URL, "options": map[string]any{
			"auth": map[string]string{"token": gamblers[i%len(gamblers)].Token}, "reconnectionDelay": 100, "reconnectionDelayMax": 300,
		}})
		script.On(name, "connect")
		if _, err := script.Ask(testclient.Command{"do": "emit", "client": name, "event": "join", "args": []any{"table:" + wheel}, "timeout": 5000}); err != nil {
			t.Fatal(err)
		}
	}
	admin := p.Database.AdminPool(t)
	settled := func() (n int64) {
		t.Helper()
		if err := admin.QueryRow(t.Context(), `SELECT count(*) FROM table_rounds WHERE state = 'settled'`).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	platform.Await(t, "the first round is settled", func() bool { return settled() > 0 })

	playing, stop := context.WithCancel(t.Context())
	defer stop()
	var wg sync.WaitGroup
	for _, g := range gamblers {
		wg.Go(func() { g.play(playing, t) }) // ends with playing
	}
	victims := []string{"realtime-1", "actions", "realtime-2", "actions"}
	ends := times(8)
	for n := range ends {
		<-time.After(rand.N(1500 * time.Millisecond)) // a random moment is what is tried
		victim := p.Service(victims[n%len(victims)])
		if err := victim.Kill(); err != nil {
			t.Fatal(err)
		}
		if err := victim.Ready(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	before := settled()
	platform.AwaitWithin(t, 2*platform.Patience, "the table goes on", func() bool { return settled() > before })
	stop()
	wg.Wait()
	platform.AwaitWithin(t, 2*platform.Patience, "every bet has ended", func() bool {
		var open int64
		if err := admin.QueryRow(t.Context(), `SELECT count(*) FROM rounds WHERE state = 'open'`).Scan(&open); err != nil {
			t.Fatal(err)
		}
		return open == 0
	})

	var told []oracle.Bet
	closed := 0
	for _, g := range gamblers {
		told, closed = append(told, g.told...), closed+g.closed
	}
	last := settled()
	judgeBets(t, p, told)
	for i := range sockets {
		follow(t, script, fmt.Sprint(i), last)
	}
	t.Logf("%d kills, %d rounds of the table, %d bets taken, %d came too late", ends, last, len(told), closed)
	if len(told) == 0 || closed == 0 {
		t.Error("no bet was in time, or none was late")
	}
}

// follow reads a socket's events of the table up to a round, each of which must be the next
// one.
func follow(t *testing.T, script *testclient.Script, name string, last int64) {
	t.Helper()
	type moment struct {
		Seq   int64
		State string
	}
	states := []string{"open", "locked", "settled"}
	var want moment
	for want.Seq <= last {
		l := script.Next(fmt.Sprintf("%+v at socket %s", want, name), func(l testclient.Line) bool {
			return l.Client == name && l.On == "event" && l.Event == "table"
		})
		var args []json.RawMessage
		var got moment
		if json.Unmarshal(l.Args, &args) != nil || len(args) == 0 || json.Unmarshal(args[0], &got) != nil {
			t.Fatalf("socket %s heard %s", name, l.Args)
		}
		if want.Seq > 0 && got != want {
			t.Fatalf("socket %s heard %+v; want %+v", name, got, want)
		}
		at := slices.Index(states, got.State)
		want = moment{got.Seq, states[(at+1)%len(states)]}
		if got.State == "settled" {
			want.Seq++
		}
	}
}
