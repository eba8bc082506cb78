package broadcast

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/vegascore/vegascore/shared/redisconn"
	"github.com/vegascore/vegascore/shared/redistest"
)

// server subscribes as a server of the cluster does, and passes payloads on.
func server(t *testing.T, address string) *redis.PubSub {
	t.Helper()
	client, err := redisconn.Open(address)
	if err != nil {
		t.Fatal(err)
	}
	sub := client.PSubscribe(t.Context(), "socket.io#/#*")
	if err := sub.Subscribe(t.Context(), "socket.io-request#/#"); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := sub.Receive(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { sub.Close(); client.Close() })
	return sub
}

func TestEmitWaitsForTheListenersThatAnOutageTookAway(t *testing.T) {
	t.Parallel()
	instance := redistest.Server(t)
	client, err := redisconn.Open(instance.URL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	emitter := New(client, Options{})
	message := Message{Room: "table:dice-1", Event: "round", Args: json.RawMessage(`[1]`)}
	emit := func() error {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_, err := emitter.Emit(ctx, message)
		return err
	}
	before := server(t, instance.URL)
	for range 2 {
		if err := emit(); err != nil {
			t.Fatal(err)
		}
	}
	instance.Kill()
	before.Close()
	if err := emit(); err == nil {
		t.Fatal("an event went out while Redis was away")
	}
	instance.Start()
	done := make(chan error, 1)
	go func() { // received below
		err := errors.New("not tried")
		for end := time.Now().Add(10 * time.Second); err != nil && time.Now().Before(end); {
			err = emit()
		}
		done <- err
	}()
	select {
	case err := <-done:
		t.Fatalf("the event went out to nobody: %v", err)
	case <-time.After(300 * time.Millisecond):
	}
	after := server(t, instance.URL)
	if m, err := after.ReceiveTimeout(t.Context(), 5*time.Second); err != nil {
		t.Errorf("the server that came back heard %v, %v", m, err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// An emitter that is started while Redis is away has never seen a listener.
func TestEmitLeavesListenersTimeWhenRedisWasAwayAtFirst(t *testing.T) {
	t.Parallel()
	instance := redistest.Server(t)
	instance.Kill()
	client, err := redisconn.Open(instance.URL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	emitter := New(client, Options{})
	message := Message{Room: "table:dice-1", Event: "round", Args: json.RawMessage(`[1]`)}
	if _, err := emitter.Emit(t.Context(), message); err == nil {
		t.Fatal("an event went out while Redis was away")
	}
	instance.Start()
	done := make(chan error, 1)
	go func() { // received below
		_, err := emitter.Emit(context.Background(), message)
		done <- err
	}()
	var heard []*redis.PubSub
	for range 2 { // one after the other, as containers come back
		select {
		case err := <-done:
			t.Fatalf("the event went out to %d of 2 servers: %v", len(heard), err)
		case <-time.After(300 * time.Millisecond):
		}
		heard = append(heard, server(t, instance.URL))
	}
	for i, sub := range heard {
		if m, err := sub.ReceiveTimeout(t.Context(), 5*time.Second); err != nil {
			t.Errorf("server %d heard %v, %v", i+1, m, err)
		}
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	began := time.Now()
	if _, err := emitter.Emit(t.Context(), message); err != nil || time.Since(began) > time.Second {
		t.Errorf("the next event took %s, %v", time.Since(began), err)
	}
}
