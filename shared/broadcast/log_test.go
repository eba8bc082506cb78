package broadcast

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"github.com/vegascore/vegascore/shared/redisconn"
	"github.com/vegascore/vegascore/shared/redistest"
)

// onEach runs test with the log of "/" on a real Redis and on miniredis.
func onEach(t *testing.T, test func(t *testing.T, client redis.UniversalClient, log *Log)) {
	t.Helper()
	run := func(t *testing.T, address string) {
		client, err := redisconn.Open(address + "?read_timeout=20s")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = client.Close() })
		test(t, client, NewLog(client, LogOptions{Channel: Channel("socket.io", "/", "")}))
	}
	t.Run("redis", func(t *testing.T) {
		t.Parallel()
		run(t, redistest.Server(t).URL)
	})
	t.Run("miniredis", func(t *testing.T) {
		t.Parallel()
		run(t, "redis://"+miniredis.RunT(t).Addr())
	})
}

// entry is a message to rooms whose payload can be told from others.
func entry(count uint64, payload string, rooms ...string) Entry {
	e := Entry{Count: count, Rooms: rooms, Channel: Channel("socket.io", "/", ""), Payload: []byte("\x94" + payload)}
	if len(rooms) == 1 {
		e.Channel = Channel("socket.io", "/", rooms[0])
	}
	return e
}

// write appends for certain.
func write(t *testing.T, log *Log, origin string, entries ...Entry) (Head, []uint64) {
	t.Helper()
	head, numbers, err := log.Append(t.Context(), origin, Head{}, entries...)
	if err != nil {
		t.Fatal(err)
	}
	return head, numbers
}

// payloads reads rooms from the beginning of the epoch.
func payloads(t *testing.T, log *Log, rooms ...string) (texts [][]string) {
	t.Helper()
	head, err := log.Head(t.Context(), Head{})
	if err != nil {
		t.Fatal(err)
	}
	var ranges []Range
	for _, room := range rooms {
		ranges = append(ranges, Range{room, head.Start})
	}
	_, slices, err := log.Read(t.Context(), head, 0, 1000, ranges...)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range slices {
		room := []string{}
		for _, m := range s.Messages {
			room = append(room, m.Message[1:len(m.Message)-tailSize-2])
		}
		if !s.Complete {
			room = append(room, "incomplete")
		}
		texts = append(texts, room)
	}
	return texts
}

func TestNumbersHaveNoHoles(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, client redis.UniversalClient, log *Log) {
		listener := client.PSubscribe(t.Context(), "socket.io#/#*")
		t.Cleanup(func() { listener.Close() })
		if _, err := listener.Receive(t.Context()); err != nil {
			t.Fatal(err)
		}
		a, b := NewName(), NewName()
		head, err := log.Head(t.Context(), Head{})
		if err != nil || head.Number != head.Start || head.Start < 1e15 {
			t.Fatalf("head = %+v, %v", head, err)
		}
		first, numbers := write(t, log, a, entry(1, "one", "r"), entry(2, "two"), entry(3, "three", "r", "s"))
		second, more := write(t, log, b, entry(7, "four", "s"))
		if diff := cmp.Diff([]uint64{head.Number + 1, head.Number + 2, head.Number + 3, head.Number + 4}, append(numbers, more...)); diff != "" {
			t.Errorf("numbers (-want +got):\n%s", diff)
		}
		if first.Epoch != head.Epoch || second.Number != head.Number+4 || second.Start != head.Start {
			t.Errorf("heads: %+v %+v; before %+v", first, second, head)
		}
		if diff := cmp.Diff([][]string{{"one", "three"}, {"three", "four"}, {"two"}, {}}, payloads(t, log, "r", "s", "", "t")); diff != "" {
			t.Errorf("rooms (-want +got):\n%s", diff)
		}
		origins := []string{a, a, a, b}
		channels := []string{"socket.io#/#r#", "socket.io#/#", "socket.io#/#", "socket.io#/#s#"}
		for i, count := range []uint64{1, 2, 3, 7} {
			m, err := listener.ReceiveMessage(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			tail, ok := ParseTail(m.Payload)
			want := Tail{Epoch: head.Epoch, Number: head.Number + uint64(i) + 1, Origin: origins[i], Count: count}
			if diff := cmp.Diff(want, tail); !ok || diff != "" || m.Channel != channels[i] {
				t.Errorf("published on %s (-want +got):\n%s", m.Channel, diff)
			}
		}
		ttl, err := client.PTTL(t.Context(), log.stream("r")).Result()
		if err != nil || ttl > Keep || ttl < Keep/2 {
			t.Errorf("a room's part ends in %s, %v", ttl, err)
		}
	})
}

func TestWhatIsSentAgainIsInTheLogOnce(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, _ redis.UniversalClient, log *Log) {
		a := NewName()
		write(t, log, a, entry(1, "one", "r"), entry(2, "two", "r"))
		_, numbers := write(t, log, a, entry(1, "one", "r"), entry(2, "two", "r"), entry(3, "three", "r"))
		if numbers[0] != 0 || numbers[1] != 0 || numbers[2] == 0 {
			t.Errorf("numbers of the second attempt: %d", numbers)
		}
		// The id counts whoever sends it.
		event := entry(1, "four", "r")
		event.ID = "e4"
		write(t, log, NewName(), event)
		_, numbers = write(t, log, NewName(), event, entry(2, "five", "r"))
		if numbers[0] != 0 || numbers[1] == 0 {
			t.Errorf("numbers of the second sender: %d", numbers)
		}
		if diff := cmp.Diff([][]string{{"one", "two", "three", "four", "five"}}, payloads(t, log, "r")); diff != "" {
			t.Errorf("room (-want +got):\n%s", diff)
		}
	})
}

func TestALostLogIsAnotherEpoch(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, client redis.UniversalClient, log *Log) {
		a := NewName()
		head, _ := write(t, log, a, entry(1, "one", "r"))
		if err := client.Del(t.Context(), log.Key("log")).Err(); err != nil { // the rooms' parts are left
			t.Fatal(err)
		}
		next, numbers, err := log.Append(t.Context(), a, head, entry(2, "two", "r"))
		if !errors.Is(err, ErrEpoch) || numbers != nil || next.Epoch == head.Epoch || next.Number < head.Number {
			t.Fatalf("append = %+v, %d, %v after %+v", next, numbers, err, head)
		}
		if got, slices, err := log.Read(t.Context(), head, 0, 10, Range{"r", head.Start}); err != nil || slices != nil || got.Epoch != next.Epoch {
			t.Errorf("read of the lost log = %+v, %v, %v", got, slices, err)
		}
		again := entry(1, "one", "r")
		again.Again = true
		if _, _, err := log.Append(t.Context(), a, next, again, entry(2, "two", "r")); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([][]string{{"one", "two"}}, payloads(t, log, "r")); diff != "" {
			t.Errorf("room (-want +got):\n%s", diff)
		}
	})
}

// A replica that takes over may lack the last messages.
func TestALogThatWentBackIsAnotherEpoch(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, client redis.UniversalClient, log *Log) {
		head, _ := write(t, log, NewName(), entry(1, "one", "r"), entry(2, "two", "r"), entry(3, "three", "r"))
		if err := client.HIncrBy(t.Context(), log.Key("log"), "number", -2).Err(); err != nil {
			t.Fatal(err)
		}
		behind := head
		behind.Number -= 2
		if got, err := log.Head(t.Context(), behind); err != nil || got.Epoch != head.Epoch {
			t.Errorf("who knows no more is told %+v, %v", got, err)
		}
		got, err := log.Head(t.Context(), head)
		if err != nil || got.Epoch == head.Epoch || got.Start < head.Number {
			t.Errorf("head = %+v, %v; was %+v", got, err, head)
		}
	})
}

func TestAReaderKnowsThatSomethingIsMissing(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, client redis.UniversalClient, log *Log) {
		a := NewName()
		head, numbers := write(t, log, a, entry(1, "1", "r"), entry(2, "2", "s"), entry(3, "3", "r"), entry(4, "4", "r"))
		head.Number = numbers[0]
		read := func(limit int, after, until uint64) (n int, complete bool) {
			t.Helper()
			_, slices, err := log.Read(t.Context(), head, until, limit, Range{"r", after})
			if err != nil {
				t.Fatal(err)
			}
			return len(slices[0].Messages), slices[0].Complete
		}
		check := func(what string, limit int, after, until uint64, want int, wantComplete bool) {
			t.Helper()
			if n, complete := read(limit, after, until); n != want || complete != wantComplete {
				t.Errorf("%s: %d messages, complete = %t", what, n, complete)
			}
		}
		check("all", 3, head.Start, 0, 3, true)
		check("too many", 2, head.Start, 0, 2, false)
		check("a part", 10, numbers[0], numbers[2], 1, true)
		check("nothing new", 10, numbers[3], 0, 0, true)
		if err := client.XDel(t.Context(), log.stream("r"), fmt.Sprint(numbers[0], "-0")).Err(); err != nil {
			t.Fatal(err)
		}
		check("the first is gone", 10, head.Start, 0, 2, false)
		check("the first is known", 10, numbers[0], 0, 2, true)

		// What is in the way makes way, and the reader knows.
		if err := client.Set(t.Context(), log.stream("r"), "no stream", time.Minute).Err(); err != nil {
			t.Fatal(err)
		}
		write(t, log, a, entry(5, "5", "r"), entry(6, "6", "r"))
		check("begun anew", 10, numbers[3], 0, 2, false)
		check("gone on", 10, numbers[3]+1, 0, 1, true)
	})
}

func TestARoomsPartIsBounded(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, client redis.UniversalClient, log *Log) {
		origin := NewName()
		var entries []Entry
		for i := range uint64(length + 500) {
			entries = append(entries, entry(i+1, "x", "r"))
			if len(entries) == 500 {
				write(t, log, origin, entries...)
				entries = entries[:0]
			}
		}
		n, err := client.XLen(t.Context(), log.stream("r")).Result()
		if err != nil || n < length || n > length+200 {
			t.Errorf("%d messages are kept, %v", n, err)
		}
	})
}

func TestAppendRefusesWhatWouldBreakATail(t *testing.T) {
	t.Parallel()
	log := NewLog(nil, LogOptions{Channel: "c"})
	for _, test := range []struct {
		origin string
		count  uint64
	}{{"short", 1}, {"Capitals", 1}, {"goodname", 0}, {"goodname", 1e12}} {
		if _, _, err := log.Append(context.Background(), test.origin, Head{}, Entry{Count: test.count}); err == nil {
			t.Errorf("%+v was accepted", test)
		}
	}
}
