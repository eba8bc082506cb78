package broadcast

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"github.com/vegascore/vegascore/shared/redisconn"
	"github.com/vegascore/vegascore/shared/redistest"
)

// deaf loses the answers to some commands that Redis has carried out.
type deaf struct{ answers atomic.Int64 } // to lose

var errLost = errors.New("answer was lost")

func (d *deaf) DialHook(next redis.DialHook) redis.DialHook { return next }
func (d *deaf) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		err := next(ctx, cmd)
		if err == nil && d.answers.Add(-1) >= 0 {
			cmd.SetErr(errLost)
			return errLost
		}
		return err
	}
}
func (d *deaf) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

// counted is an emitter of messages "1", "2", ... to one room.
type counted struct {
	*Emitter
	t *testing.T
}

func (c counted) emit(names ...string) (int, error) {
	c.t.Helper()
	var msgs []Message
	for _, name := range names {
		msgs = append(msgs, Message{Room: "r", Event: name, Args: json.RawMessage(`[]`), ID: name})
	}
	return c.Emit(c.t.Context(), msgs...)
}

// tails of a room, and the names of its events.
func tails(t *testing.T, log *Log) (names []string, tails []Tail) {
	t.Helper()
	head, err := log.Head(t.Context(), Head{})
	if err != nil {
		t.Fatal(err)
	}
	_, slices, err := log.Read(t.Context(), head, 0, 1000, Range{"r", head.Start})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range slices[0].Messages {
		text, _, _, err := AppendJSON(nil, []byte(m.Message))
		if err != nil {
			t.Fatal(err)
		}
		var parts []json.RawMessage
		var packet struct{ Data []string }
		if err := errors.Join(json.Unmarshal(text, &parts), json.Unmarshal(parts[1], &packet)); err != nil {
			t.Fatal(err)
		}
		names, tails = append(names, packet.Data[0]), append(tails, m.Tail)
	}
	return names, tails
}

func TestALostAnswerDoublesNoEvent(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, client redis.UniversalClient, log *Log) {
		e := counted{New(client, Options{}), t}
		if n, err := e.emit("1"); n != 1 || err != nil {
			t.Fatal(n, err)
		}
		d := new(deaf)
		client.AddHook(d)
		d.answers.Store(1)
		if n, err := e.emit("2", "3"); n != 0 || !errors.Is(err, errLost) {
			t.Fatal(n, err)
		}
		if n, err := e.emit("2", "3", "4"); n != 3 || err != nil {
			t.Fatal(n, err)
		}
		// So does another process that takes the rows over.
		other := counted{New(client, Options{}), t}
		if n, err := other.emit("3", "4", "5"); n != 3 || err != nil {
			t.Fatal(n, err)
		}
		names, _ := tails(t, log)
		if diff := cmp.Diff([]string{"1", "2", "3", "4", "5"}, names); diff != "" {
			t.Errorf("room (-want +got):\n%s", diff)
		}
	})
}

// The counts by which servers know what they had are the same in the new log.
func TestWhatRedisLostIsWrittenAgain(t *testing.T) {
	t.Parallel()
	instance := redistest.Server(t)
	client, err := redisconn.Open(instance.URL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	log := NewLog(client, LogOptions{Channel: Channel("socket.io", "/", "")})
	e := counted{New(client, Options{}), t}
	if _, err := e.emit("1", "2"); err != nil {
		t.Fatal(err)
	}
	d := new(deaf)
	client.AddHook(d)
	d.answers.Store(1)
	if _, err := e.emit("3"); !errors.Is(err, errLost) {
		t.Fatal(err)
	}
	_, before := tails(t, log)
	instance.Kill()
	if _, err := e.emit("3"); err == nil {
		t.Error("no error without Redis")
	}
	instance.Start()
	if n, err := e.emit("3", "4"); n != 2 || err != nil {
		t.Fatal(n, err)
	}
	names, after := tails(t, log)
	if diff := cmp.Diff([]string{"1", "2", "3", "4"}, names); diff != "" {
		t.Fatalf("room (-want +got):\n%s", diff)
	}
	for i := range before {
		if before[i].Origin != after[i].Origin || before[i].Count != after[i].Count || before[i].Epoch == after[i].Epoch {
			t.Errorf("%+v became %+v", before[i], after[i])
		}
	}
	if again := []bool{after[0].Again, after[1].Again, after[2].Again, after[3].Again}; !cmp.Equal(again, []bool{true, true, false, false}) {
		t.Errorf("written again: %t", again)
	}
}

// Nothing needs to be emitted for it.
func TestKeepWritesAgainWhatRedisLost(t *testing.T) {
	t.Parallel()
	instance := redistest.Server(t)
	client, err := redisconn.Open(instance.URL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	log := NewLog(client, LogOptions{Channel: Channel("socket.io", "/", "")})
	e := counted{New(client, Options{}), t}
	ctx, cancel := context.WithCancel(t.Context())
	var keeping sync.WaitGroup
	keeping.Go(func() { e.Keep(ctx) }) // until the test ends
	defer keeping.Wait()
	defer cancel()
	if _, err := e.emit("1", "2"); err != nil {
		t.Fatal(err)
	}
	instance.Kill()
	instance.Start()
	deadline := time.Now().Add(20 * time.Second)
	for {
		if names, _ := tails(t, log); len(names) == 2 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("not written again")
		}
	}
}
