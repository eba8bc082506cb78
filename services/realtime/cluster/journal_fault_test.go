package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"github.com/vegascore/vegascore/services/realtime/socketio"
	"github.com/vegascore/vegascore/shared/broadcast"
	"github.com/vegascore/vegascore/shared/redisconn"
	"github.com/vegascore/vegascore/shared/redistest"
)

// deafen has a container not hear the messages that swallow says.
func (n *node) deafen(swallow func(data string) bool) {
	s := n.subscriber
	s.mu.Lock()
	defer s.mu.Unlock()
	b := n.bus.(*bus)
	s.patterns[b.pattern] = func(channel, payload string) {
		if m, err := decodeBroadcast([]byte(payload), "/"); err == nil && swallow(string(m.Packet.Data)) {
			return
		}
		b.onBroadcast(channel, payload)
	}
}

func numbered(from, to int) (texts []string) {
	for i := from; i <= to; i++ {
		texts = append(texts, fmt.Sprintf(`["n",%d]`, i))
	}
	return texts
}

func (n *node) appendAll(t *testing.T, texts []string, rooms ...string) {
	t.Helper()
	for _, text := range texts {
		n.append(t, text, rooms...)
	}
}

func TestAMissingNumberIsFilledBeforeAnythingNewer(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, address string) {
		address, opts := patient(address)
		a := join(t, address, opts, "/", "r")
		b := join(t, address, opts, "/", "r", "s")
		b.deafen(func(data string) bool { return strings.HasSuffix(data, "3]") || strings.HasSuffix(data, "4]") })
		texts := numbered(1, 50)
		a.appendAll(t, texts[:25], "r")
		a.appendAll(t, texts[25:40], "elsewhere")
		a.appendAll(t, texts[40:])
		want := slices.Concat(texts[:25], texts[40:])
		b.expect(t, want...)
		a.append(t, `["end"]`, "s")
		b.expect(t, append(want, `["end"]`)...)
		if s := b.Status(); s.Filled == 0 || s.Lost != 0 || s.Gaps != 0 {
			t.Errorf("status = %+v", s)
		}
	})
}

// Nothing newer comes to show it.
func TestAMissingLastNumberIsFilled(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, address string) {
		address, opts := patient(address)
		a := join(t, address, opts, "/", "r")
		b := join(t, address, opts, "/", "r")
		b.deafen(func(data string) bool { return data == `["n",2]` })
		a.appendAll(t, numbered(1, 2), "r")
		b.expect(t, numbered(1, 2)...)
	})
}

// losses counts what a container reports.
func losses(opts *Options) *atomic.Int64 {
	var n atomic.Int64
	opts.OnLoss = func(string) { n.Add(1) }
	return &n
}

// Redis dies with messages that one container never heard: who wrote them writes them
// again, and who has them keeps them to itself.
func TestWhatDiedWithRedisIsWrittenAgain(t *testing.T) {
	t.Parallel()
	server := redistest.Server(t)
	network := newProxy(t, server.URL)
	a := join(t, server.URL, Options{}, "/", "r")
	var opts Options
	lost := losses(&opts)
	b := join(t, network.url(), opts, "/", "r")
	texts := numbered(1, 6)
	a.appendAll(t, texts[:2], "r")
	b.expect(t, texts[:2]...)
	network.set(true)
	a.appendAll(t, texts[2:4], "r")
	a.expect(t, texts[:4]...)
	a.expectStatus(t, "four logged", func(s Status) bool { return s.Logged == 4 })
	server.Kill()
	a.appendAll(t, texts[4:], "r")
	server.Start()
	network.set(false)
	b.expect(t, texts...)
	a.expect(t, texts...)
	b.append(t, `["end"]`, "r")
	a.expect(t, append(texts, `["end"]`)...)
	b.expect(t, append(texts, `["end"]`)...)
	if b.Status().Epochs != 1 || lost.Load() != 1 {
		t.Errorf("status = %+v; %d losses", b.Status(), lost.Load())
	}
	late := join(t, server.URL, Options{}, "/", "r")
	a.append(t, `["late"]`, "r")
	late.expect(t, `["late"]`)
}

func TestATrimmedLogIsALoss(t *testing.T) {
	t.Parallel()
	server := redistest.Server(t)
	a := join(t, server.URL, Options{}, "/", "r")
	var opts Options
	lost := losses(&opts)
	b := join(t, server.URL, opts, "/", "r")
	a.append(t, `["one"]`, "r")
	b.expect(t, `["one"]`)
	b.deafen(func(data string) bool { return data != `["four"]` })
	a.append(t, `["two"]`, "r")
	a.append(t, `["three"]`, "r")
	a.expectStatus(t, "logged", func(s Status) bool { return s.Logged == 3 })
	if err := dial(t, server.URL).XTrimMaxLen(t.Context(), a.journal().room.Key("log:r"), 1).Err(); err != nil {
		t.Fatal(err)
	}
	a.append(t, `["four"]`, "r")
	b.expect(t, `["one"]`, `["three"]`, `["four"]`)
	if s := b.Status(); s.Lost != 1 || lost.Load() != 1 {
		t.Errorf("status = %+v; %d losses", s, lost.Load())
	}
}

// A replica that takes over may lack the last messages; the numbers begin anew above.
func TestALogThatWentBackIsNotMistaken(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, address string) {
		address, opts := patient(address)
		a := join(t, address, opts, "/", "r")
		b := join(t, address, opts, "/", "r")
		texts := numbered(1, 8)
		a.appendAll(t, texts[:4], "r")
		b.expect(t, texts[:4]...)
		client, j := dial(t, address), a.journal()
		if err := client.HIncrBy(t.Context(), j.room.Key("log"), "number", -2).Err(); err != nil {
			t.Fatal(err)
		}
		if err := client.Del(t.Context(), j.room.Key("log:r")).Err(); err != nil {
			t.Fatal(err)
		}
		b.appendAll(t, texts[4:], "r")
		a.expect(t, texts...)
		b.expect(t, texts...)
		if s := a.Status(); s.Epochs != 1 {
			t.Errorf("status = %+v", s)
		}
	})
}

func TestAContainerWithoutRedisServesItsOwn(t *testing.T) {
	t.Parallel()
	server := redistest.Server(t)
	a := join(t, server.URL, Options{}, "/", "r")
	b := join(t, server.URL, Options{}, "/", "r")
	texts := numbered(1, 9)
	a.appendAll(t, texts[:3], "r")
	b.expect(t, texts[:3]...)
	server.Stop() // frozen: what is sent now may be carried out later, several times
	a.appendAll(t, texts[3:6], "r")
	a.expect(t, texts[:6]...)
	a.appendAll(t, texts[6:], "r")
	a.expect(t, texts...)
	last, ok := parseOffset(a.offsets()[8])
	if own := a.journal().own.origin; !ok || last.origin != own || last.count != 9 {
		t.Errorf("the offset %+v does not say that it is ahead of the log", last)
	}
	b.expect(t, texts[:3]...)
	server.Cont()
	b.expect(t, texts...)
	b.append(t, `["end"]`, "r")
	a.expect(t, append(texts, `["end"]`)...)
	b.expect(t, append(texts, `["end"]`)...)
	eventually(t, "the log is back", func() (bool, any) {
		at := a.journal().Position()
		return !strings.Contains(at, "~"), at
	})
	a.append(t, `["through the log"]`, "r")
	b.expect(t, append(texts, `["end"]`, `["through the log"]`)...)
	if s := a.Status(); s.Alone < 6 || s.Lost != 0 || s.Dropped != 0 || s.Epochs != 0 {
		t.Errorf("status = %+v", s)
	}
}

// deaf loses the answers to some commands that Redis has carried out.
type deaf struct{ answers atomic.Int64 } // to lose

func (d *deaf) DialHook(next redis.DialHook) redis.DialHook { return next }
func (d *deaf) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		err := next(ctx, cmd)
		if cmd.Name() == "evalsha" && d.answers.Add(-1) >= 0 {
			err = errors.New("answer was lost")
			cmd.SetErr(err)
		}
		return err
	}
}
func (d *deaf) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

func TestLostAnswersDoubleNothing(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, address string) {
		address, opts := patient(address)
		opts.Hold = 200 * 1e6
		publish, subscribe, err := redisconn.OpenPair(address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _, _ = publish.Close(), subscribe.Close() })
		a := &node{local: local{name: "/", rooms: []string{"r"}}}
		a.Redis = NewRedis(publish, subscribe, opts, testLog(t))
		start(t, a.Run)
		if a.bus, err = a.Open(&a.local); err != nil {
			t.Fatal(err)
		}
		a.expectConnected(t, true)
		b := join(t, address, opts, "/", "r")
		texts := numbered(1, 60)
		a.appendAll(t, texts[:1], "r")
		b.expect(t, texts[:1]...)
		d := new(deaf)
		publish.AddHook(d)
		for i := 1; i < len(texts); i += 10 {
			d.answers.Store(int64(i/10 + 1)) // up to 6 in a row: longer than events are held
			a.appendAll(t, texts[i:min(i+10, len(texts))], "r")
			b.expect(t, texts[:min(i+10, len(texts))]...)
		}
		a.expect(t, texts...)
		eventually(t, "all confirmed", func() (bool, any) { s := a.Status(); return s.Logged == 60, s })
	})
}

// Events of services go through the same log, and holes.
func TestEmittedEventsSurviveADeafContainer(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, address string) {
		address, opts := patient(address)
		a := join(t, address, opts, "/", "r")
		a.deafen(func(data string) bool { return data == `["e",2]` || data == `["e",4]` })
		emitter := broadcast.New(dial(t, address), broadcast.Options{})
		var want []string
		for i := range 5 {
			m := broadcast.Message{Room: "r", Event: "e", Args: fmt.Appendf(nil, "[%d]", i), ID: fmt.Sprint(i)}
			if n, err := emitter.Emit(t.Context(), m, m); n != 2 || err != nil {
				t.Fatal(n, err)
			}
			want = append(want, fmt.Sprintf(`["e",%d]`, i))
		}
		a.expect(t, want...)
		if got := a.offsets(); slices.Contains(got, "") || len(slices.Compact(got)) != 5 {
			t.Errorf("offsets %s", got)
		}
	})
}

// What is delivered past the log has no place in it.
func TestOtherBroadcastsPassTheLog(t *testing.T) {
	t.Parallel()
	address, opts := patient(redistest.Server(t).URL)
	a := join(t, address, opts, "/", "r")
	b := join(t, address, opts, "/", "r")
	if err := a.bus.Publish(socketio.Broadcast{Packet: event(`["v"]`), Flags: socketio.Flags{Volatile: true}}); err != nil {
		t.Fatal(err)
	}
	b.expect(t, `["v"]`)
	a.expect(t)
	if diff := cmp.Diff([]string{""}, b.offsets()); diff != "" {
		t.Errorf("offsets (-want +got):\n%s", diff)
	}
}
