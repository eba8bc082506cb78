package cluster

import (
	"context"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/vegascore/vegascore/shared/redistest"
)

// gate holds back the first answer of Redis.
type gate struct {
	answered, release chan struct{}
}

func (g *gate) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}

func (g *gate) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

func (g *gate) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		err := next(ctx, cmd)
		if err != nil || !strings.HasPrefix(cmd.Name(), "eval") {
			return err // the connection begins, or the script is not known yet
		}
		select {
		case g.answered <- struct{}{}:
			<-g.release
		default:
		}
		return err
	}
}

func TestNobodyIsHandedAnAnswerFromBeforeTheQuestion(t *testing.T) {
	t.Parallel()
	address := redistest.Server(t).URL
	g := &gate{answered: make(chan struct{}, 1), release: make(chan struct{})}
	client := dial(t, address)
	client.AddHook(g)
	a := NewPresence(client, PresenceOptions{}, testLog(t))
	b := NewPresence(dial(t, address), PresenceOptions{}, testLog(t))

	first := make(chan []string)
	go func() { first <- ids(t, a, "r") }() // ends with the read
	<-g.answered
	b.Join("r", "p1", "Ada")
	if err := b.write(t.Context()); err != nil {
		t.Fatal(err)
	}
	second := make(chan []string, 3)
	for range cap(second) {
		go func() { second <- ids(t, a, "r") }() // ends with the read
	}
	eventually(t, "another read is waiting", func() (bool, any) {
		a.mu.Lock()
		defer a.mu.Unlock()
		return a.lookups["r"].next != nil, nil
	})
	// One that gives up does not spoil it for the others.
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := a.Who(ctx, "r", 10); err == nil {
		t.Error("Who with an ended context succeeded")
	}
	close(g.release)
	if got := <-first; len(got) != 0 {
		t.Errorf("first = %v; want the answer from before p1 came", got)
	}
	for range cap(second) {
		if got := <-second; !slices.Equal(got, []string{"p1"}) {
			t.Errorf("second = %v; want p1", got)
		}
	}
}
