package cluster

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/vegascore/vegascore/shared/redistest"
)

// breakage makes the first pipeline fail on the way, once released.
type breakage struct {
	gate
	over atomic.Bool
}

func (b *breakage) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		if b.over.Swap(true) {
			return next(ctx, cmds)
		}
		close(b.answered)
		<-b.release
		err := errors.New("broken connection")
		for _, cmd := range cmds {
			cmd.SetErr(err)
		}
		return err
	}
}

func TestABrokenConnectionLosesNoMoreThanWasOnIt(t *testing.T) {
	t.Parallel()
	address := redistest.Server(t).URL
	client, listener := dial(t, address), dial(t, address)
	messages := listener.Subscribe(t.Context(), "c")
	t.Cleanup(func() { _ = messages.Close() })
	if _, err := messages.Receive(t.Context()); err != nil { // the subscription
		t.Fatal(err)
	}
	pipe := client.Pipeline() // the handshake is one, too, and is to be over
	pipe.Ping(t.Context())
	if _, err := pipe.Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
	b := &breakage{gate: gate{answered: make(chan struct{}), release: make(chan struct{})}}
	client.AddHook(b)
	p := newPublisher(client, 1<<20, testLog(t))
	start(t, p.run)
	send := func(text string) {
		if err := p.send("c", []byte(text)); err != nil {
			t.Errorf("send %s: %v", text, err)
		}
	}
	send("one")
	<-b.answered
	send("two")
	send("three")
	close(b.release)
	for _, want := range []string{"two", "three"} {
		got, err := messages.ReceiveTimeout(t.Context(), patience)
		if m, ok := got.(*redis.Message); !ok || m.Payload != want {
			t.Fatalf("received %v, %v; want %s", got, err, want)
		}
	}
	if !p.flush(patience) {
		t.Error("not everything was sent")
	}
	var s Status
	if works, _ := p.status(&s); !works || s.Published != 2 || s.Dropped != 1 {
		t.Errorf("works = %t, %+v; want two published and one dropped", works, s)
	}
}
