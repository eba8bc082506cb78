package roomsink_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"
	"github.com/tinylib/msgp/msgp"
	"go.uber.org/goleak"

	"github.com/vegascore/vegascore/shared/broadcast"
	"github.com/vegascore/vegascore/shared/outbox"
	"github.com/vegascore/vegascore/shared/outbox/roomsink"
	"github.com/vegascore/vegascore/shared/redisconn"
	"github.com/vegascore/vegascore/shared/redistest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var quiet = slog.New(slog.DiscardHandler)

var _ outbox.Sender = (*roomsink.Sender)(nil)

func row(room, body string) outbox.Row {
	return outbox.Row{EventID: uuid.Must(uuid.NewV7()), Sink: outbox.Room, Key: room, Type: "round", Body: json.RawMessage(body)}
}

func client(t *testing.T, address string) redis.UniversalClient {
	t.Helper()
	c, err := redisconn.Open(address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// next reads the arguments of the next published event.
func next(t *testing.T, sub *redis.PubSub) (channel, event string, args int) {
	t.Helper()
	m, err := sub.ReceiveMessage(deadline(t))
	if err != nil {
		t.Fatal(err)
	}
	text, _, _, err := broadcast.AppendJSON(nil, []byte(m.Payload))
	if err != nil {
		t.Fatal(err)
	}
	var parts []json.RawMessage
	var packet struct{ Data []any }
	if err := errors.Join(json.Unmarshal(text, &parts), json.Unmarshal(parts[1], &packet)); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return m.Channel, packet.Data[0].(string), int(packet.Data[1].(float64))
}

func deadline(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func TestRowsAreHeardInTheirRooms(t *testing.T) {
	t.Parallel()
	c := client(t, redistest.New(t))
	prefix := "test-" + uuid.NewString()
	sub := c.PSubscribe(context.Background(), prefix+"*")
	defer func() { _ = sub.Close() }()
	if _, err := sub.Receive(deadline(t)); err != nil {
		t.Fatal(err)
	}
	sender := roomsink.New(broadcast.New(c, broadcast.Options{Prefix: prefix}), quiet)
	const n = 50
	var rows []outbox.Row
	for i := range n {
		rows = append(rows, row("table:dice-1", fmt.Sprintf("[%d]", i)))
	}
	// Rows that nobody could ever send do not stop the others.
	rows = append(rows[:10], append([]outbox.Row{row("table:dice-1", `{"no":"array"}`), row("table:dice-1", strings.Repeat("[", 500)+strings.Repeat("]", 500))}, rows[10:]...)...)
	if sent, err := sender.Send(deadline(t), rows); sent != n+2 || err != nil {
		t.Fatalf("sent %d, %v", sent, err)
	}
	for i := range n {
		channel, event, arg := next(t, sub)
		if want := broadcast.Channel(prefix, "/", "table:dice-1"); channel != want || event != "round" || arg != i {
			t.Fatalf("got %s %s %d, want %s round %d", channel, event, arg, want, i)
		}
	}
}

func TestRedisDownIsReportedSoon(t *testing.T) {
	t.Parallel()
	server := redistest.Server(t)
	sender := roomsink.New(broadcast.New(client(t, server.URL), broadcast.Options{}), quiet)
	rows := []outbox.Row{row("a", "[1]"), row("b", "[2]")}
	if sent, err := sender.Send(deadline(t), rows); sent != 2 || err != nil {
		t.Fatalf("sent %d, %v", sent, err)
	}
	server.Stop() // frozen
	began := time.Now()
	sent, err := sender.Send(deadline(t), rows)
	if took := time.Since(began); sent != 0 || err == nil || took > 3*time.Second {
		t.Errorf("frozen: sent %d, %v after %s", sent, err, took)
	}
	server.Cont()
	server.Kill()
	if sent, err := sender.Send(deadline(t), rows); sent != 0 || err == nil {
		t.Errorf("killed: sent %d, %v", sent, err)
	}
	server.Start()
	if sent, err := sender.Send(deadline(t), rows); sent != 2 || err != nil {
		t.Errorf("back: sent %d, %v", sent, err)
	}
}

// fake refuses everything after a number of messages.
type fake struct{ left int }

func (f *fake) Emit(_ context.Context, msgs ...broadcast.Message) (int, error) {
	n := min(f.left, len(msgs))
	f.left -= n
	if n < len(msgs) {
		return n, msgp.ErrShortBytes
	}
	return n, nil
}

func TestAPartialPublishIsCounted(t *testing.T) {
	t.Parallel()
	sent, err := roomsink.New(&fake{left: 2}, quiet).Send(context.Background(), []outbox.Row{row("a", "[1]"), row("a", "[2]"), row("a", "[3]")})
	if sent != 2 || !errors.Is(err, msgp.ErrShortBytes) {
		t.Errorf("sent %d, %v", sent, err)
	}
}
