package broadcast

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"
)

// The captured bytes of @socket.io/redis-emitter 5.1 for to("room1").emit("time", 1).
func TestEmitWritesWhatTheNodeEmitterWrites(t *testing.T) {
	t.Parallel()
	e := (&Emitter{opts: Options{Prefix: "socket.io", Namespace: "/"}})
	entry, err := e.entry(Message{Room: "room1", Event: "time", Args: json.RawMessage(`[1]`)})
	got := entry.Payload
	const vector = "94a7656d697474657283a47479706502a46461746192a474696d6501a36e7370a12f83a5726f6f6d7391a5726f6f6d31a5666c61677380a665786365707490"
	if err != nil || hex.EncodeToString(got) != vector {
		t.Errorf("encode = %x, %v; want %s", got, err, vector)
	}
}

func TestEmitWritesWhatNodesShardedServersRead(t *testing.T) {
	t.Parallel()
	e := (&Emitter{opts: Options{Prefix: "casino", Namespace: "/", Adapter: Dynamic}})
	entry, err := e.entry(Message{Room: `"r"`, Event: "e", Args: json.RawMessage(`[1, "\u0041"]`), ID: "x"})
	want := Entry{Rooms: []string{`"r"`}, Channel: "casino#/#", Form: Object, ID: "x",
		Payload: []byte(`{"uid":"emitter","nsp":"/","type":3,"data":{"opts":{"rooms":["\"r\""],"except":[],"flags":{}},"packet":{"type":2,"data":["e",1,"A"]}}`)}
	if diff := cmp.Diff(want, entry); diff != "" || err != nil {
		t.Errorf("entry (-want +got), %v:\n%s", err, diff)
	}
}

func TestEmitPublishesOnTheRoomsChannelInOrder(t *testing.T) {
	t.Parallel()
	server := miniredis.RunT(t)
	client := redis.NewClient(&redis.Options{Addr: server.Addr()})
	t.Cleanup(func() { _ = client.Close() })
	listener := server.NewSubscriber()
	defer listener.Close()
	listener.Psubscribe("socket.io#/#*")
	listener.Psubscribe("casino#/admin#*")
	got := make(chan []string, 1)
	go func() { // ends with the third message
		var channels []string
		for range 3 {
			m := <-listener.Pmessages()
			channels = append(channels, m.Channel)
		}
		got <- channels
	}()

	ctx := context.Background()
	args := json.RawMessage(`[{"b":1,"a":2}]`)
	if n, err := New(client, Options{}).Emit(ctx, Message{Room: "table:dice-1", Event: "round", Args: args}, Message{Event: "news", Args: args}); n != 2 || err != nil {
		t.Fatalf("Emit = %d, %v; want 2", n, err)
	}
	if n, err := New(client, Options{Prefix: "casino", Namespace: "/admin"}).Emit(ctx, Message{Room: "r", Event: "e", Args: json.RawMessage(`[]`)}); n != 1 || err != nil {
		t.Fatalf("Emit = %d, %v; want 1", n, err)
	}
	want := []string{"socket.io#/#table:dice-1#", "socket.io#/#", "casino#/admin#r#"}
	if diff := cmp.Diff(want, <-got); diff != "" {
		t.Errorf("channels (-want +got):\n%s", diff)
	}
}

func TestEmitCountsWhatIsOut(t *testing.T) {
	t.Parallel()
	server := miniredis.RunT(t)
	client := redis.NewClient(&redis.Options{Addr: server.Addr(), MaxRetries: -1, DialerRetries: 1})
	t.Cleanup(func() { _ = client.Close() })
	e := New(client, Options{})
	ctx := context.Background()
	good := Message{Room: "r", Event: "e", Args: json.RawMessage(`[]`)}
	for _, bad := range []string{``, `{}`, `[`, `null`, `"x"`, `[] []`} {
		n, err := e.Emit(ctx, good, Message{Room: "r", Event: "e", Args: json.RawMessage(bad)}, good)
		if n != 1 || !errors.Is(err, ErrSyntax) {
			t.Errorf("Emit with arguments %q = %d, %v; want 1 and a syntax error", bad, n, err)
		}
	}
	if n, err := e.Emit(ctx); n != 0 || err != nil {
		t.Errorf("Emit of nothing = %d, %v", n, err)
	}
	server.Close()
	if n, err := e.Emit(ctx, good, good); n != 0 || err == nil {
		t.Errorf("Emit without Redis = %d, %v; want 0 and an error", n, err)
	}
}
