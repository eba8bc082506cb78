package faults

import (
	"context"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"

	"github.com/vegascore/vegascore/infra/dev/e2e/platform"
	"github.com/vegascore/vegascore/infra/dev/faults/oracle"
	"github.com/vegascore/vegascore/infra/dev/load/client"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// slack is what a bound of the contract is multiplied with here: other tests share
// the machine.
const slack = 6

// times is how often a fault is repeated.
func times(short int) int {
	if os.Getenv("VEGAS_SOAK") != "" {
		return 50
	}
	return short
}

// within fails the test when a figure is beyond its bound, with slack.
func within(t *testing.T, what string, took, bound time.Duration) {
	t.Helper()
	if took > slack*bound {
		t.Errorf("%s took %s; the bound is %s", what, took.Round(time.Millisecond), bound)
	}
}

// longest of figures that were taken in turn.
func longest(all []time.Duration) time.Duration {
	return slices.Max(all).Round(time.Millisecond)
}

// judge waits until everything has gone out, asks the oracle, and fails the test on
// what it has to say.
func judge(t *testing.T, p *platform.Platform, crowd *platform.Crowd) oracle.Report {
	t.Helper()
	crowd.Judge()
	var told []oracle.Bet
	for _, a := range crowd.Acked() {
		told = append(told, oracle.Bet{Player: a.Player, Key: a.Key, Round: a.Round})
	}
	return judgeBets(t, p, told)
}

func judgeBets(t *testing.T, p *platform.Platform, told []oracle.Bet) oracle.Report {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), p.DirectURL())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	var report oracle.Report
	platform.Await(t, "the outbox is empty and the facts are handled", func() bool {
		if report, err = oracle.Ask(t.Context(), conn, told); err != nil {
			t.Fatal(err)
		}
		return report.Settled()
	})
	for _, fault := range report.Faults() {
		t.Error(fault)
	}
	t.Log(report)
	return report
}

// ear is a socket at the table that counts the rounds it hears of.
type ear struct {
	t      *testing.T
	socket *client.Client

	mu    sync.Mutex
	heard map[string]int // by round
	said  map[string]int // chat messages by text
}

// listen connects the player to a container and joins the table.
func listen(t *testing.T, url string, p *platform.Player) *ear {
	t.Helper()
	e := &ear{t: t, heard: map[string]int{}, said: map[string]int{}}
	ctx, cancel := context.WithTimeout(t.Context(), platform.Patience)
	defer cancel()
	var err error
	e.socket, err = client.Dial(ctx, url, client.Options{Auth: map[string]string{"token": p.Token}, Event: e.hear})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.socket.Close)
	if answer := e.ask("join", platform.Room); !strings.Contains(answer, `"ok":true`) {
		t.Fatalf("join: %s", answer)
	}
	return e
}

func (e *ear) ask(event string, args ...any) string {
	e.t.Helper()
	ctx, cancel := context.WithTimeout(e.t.Context(), platform.Patience)
	defer cancel()
	answer, err := e.socket.Ask(ctx, event, args...)
	if err != nil {
		e.t.Fatal(err)
	}
	return string(answer)
}

func (e *ear) hear(name string, args json.RawMessage) {
	var all []json.RawMessage // the event, and the offset for recovery
	var got struct{ ID, Text string }
	if name != "round" && name != "chat" || json.Unmarshal(args, &all) != nil || len(all) == 0 || json.Unmarshal(all[0], &got) != nil {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if name == "round" {
		e.heard[got.ID]++
	} else {
		e.said[got.Text]++
	}
}

// hasHeard says whether a chat message has come.
func (e *ear) hasHeard(text string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.said[text] > 0
}

// count compares what was heard with the bets of a crowd; what is missing may still
// come for a while.
func (e *ear) count(acks []platform.Ack) (lost, doubled int) {
	e.t.Helper()
	const last = 5 * time.Second
	for began := time.Now(); ; <-time.After(5 * time.Millisecond) {
		if lost, doubled = e.compare(acks); lost == 0 || time.Since(began) > last {
			return lost, doubled
		}
	}
}

func (e *ear) compare(acks []platform.Ack) (lost, doubled int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, a := range acks {
		switch n := e.heard[a.Round]; {
		case n == 0:
			lost++
		case n > 1:
			doubled++
		}
	}
	return lost, doubled
}

// stays fails the test if the socket has ended.
func (e *ear) stays() {
	e.t.Helper()
	select {
	case <-e.socket.Done():
		e.t.Errorf("a socket ended: %v", e.socket.Err())
	default:
	}
}
