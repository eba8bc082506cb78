package factsink_test

import (
	"context"
	"encoding/json"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"cloud.google.com/go/pubsub/v2/pstest"
	"github.com/google/uuid"
	"go.uber.org/goleak"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/vegascore/vegascore/shared/event"
	"github.com/vegascore/vegascore/shared/outbox"
	"github.com/vegascore/vegascore/shared/outbox/factsink"
)

func TestMain(m *testing.M) {
	// A library of the client starts this one when it is loaded.
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("go.opencensus.io/stats/view.(*worker).start"))
}

var _ outbox.Sender = (*factsink.Sender)(nil)

// refuser refuses publishing for a key while it is closed.
type refuser struct {
	key    string
	closed atomic.Bool
}

func (r *refuser) React(request any) (bool, any, error) {
	for _, m := range request.(*pubsubpb.PublishRequest).Messages {
		if r.closed.Load() && m.OrderingKey == r.key {
			return true, &pubsubpb.PublishResponse{}, status.Error(codes.PermissionDenied, "not now")
		}
	}
	return false, nil, nil
}

// start returns a sender to an in-process Pub/Sub with the topic "facts".
func start(t *testing.T, reactor pstest.Reactor) (*factsink.Sender, *pstest.Server) {
	t.Helper()
	var options []pstest.ServerReactorOption
	if reactor != nil {
		options = append(options, pstest.ServerReactorOption{FuncName: "Publish", Reactor: reactor})
	}
	server := pstest.NewServer(options...)
	ctx := context.Background()
	client, err := pubsub.NewClient(ctx, "test", option.WithEndpoint(server.Addr), option.WithoutAuthentication(),
		option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())), option.WithTelemetryDisabled())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.TopicAdminClient.CreateTopic(ctx, &pubsubpb.Topic{Name: "projects/test/topics/facts"}); err != nil {
		t.Fatal(err)
	}
	sender := factsink.New(client, "facts")
	t.Cleanup(func() {
		if err := sender.Close(); err != nil {
			t.Error(err)
		}
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	return sender, server
}

func rows(key string, from, to int) []outbox.Row {
	var rows []outbox.Row
	for n := from; n < to; n++ {
		rows = append(rows, outbox.Row{
			EventID: uuid.Must(uuid.NewV7()), Sink: outbox.Fact, Key: key, Type: event.TypeRoundSettled,
			Body: json.RawMessage(fmt.Sprintf(`{"n":%d}`, n)), Traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
			At: time.Unix(1_700_000_000, 0),
		})
	}
	return rows
}

func send(t *testing.T, s *factsink.Sender, rows []outbox.Row) (int, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	return s.Send(ctx, rows)
}

func TestFactsAreCloudEventsInOrder(t *testing.T) {
	t.Parallel()
	sender, server := start(t, nil)
	want := append(rows("dice-1", 0, 40), rows("dice-2", 0, 40)...)
	if sent, err := send(t, sender, want); sent != len(want) || err != nil {
		t.Fatalf("sent %d, %v", sent, err)
	}
	next := map[string]int{}
	for _, m := range server.Messages() {
		e, err := event.FromAttributes(m.Attributes, m.Data)
		if err != nil {
			t.Fatal(err)
		}
		r := rows(m.OrderingKey, next[m.OrderingKey], next[m.OrderingKey]+1)[0]
		next[m.OrderingKey]++
		if string(m.Data) != string(r.Body) || e.Type != r.Type || e.Subject != r.Key || !e.Time.Equal(r.At) || e.Traceparent != r.Traceparent || e.ID == uuid.Nil {
			t.Fatalf("got %+v of key %s, want %+v", e, m.OrderingKey, r)
		}
	}
	if next["dice-1"] != 40 || next["dice-2"] != 40 {
		t.Errorf("got %v messages", next)
	}
}

func TestARefusedKeyIsResumedInOrder(t *testing.T) {
	t.Parallel()
	r := &refuser{key: "dice-2"}
	r.closed.Store(true)
	sender, server := start(t, r)
	all := append(rows("dice-1", 0, 5), rows("dice-2", 0, 700)...) // more than a request holds
	all = append(all, rows("dice-1", 5, 10)...)
	for range 3 {
		if sent, err := send(t, sender, all); sent != 5 || status.Code(err) == codes.OK {
			t.Fatalf("sent %d, %v", sent, err)
		}
	}
	r.closed.Store(false)
	if sent, err := send(t, sender, all[5:]); sent != len(all)-5 || err != nil {
		t.Fatalf("sent %d, %v", sent, err)
	}
	n := 0
	for _, m := range server.Messages() {
		if m.OrderingKey != "dice-2" {
			continue
		}
		if want := fmt.Sprintf(`{"n":%d}`, n); string(m.Data) != want {
			t.Fatalf("message %d of the key is %s", n, m.Data)
		}
		n++
	}
	if n != 700 {
		t.Errorf("%d messages of the key came", n)
	}
}

func TestAMissingTopicIsAnError(t *testing.T) {
	t.Parallel()
	_, server := start(t, nil)
	client, err := pubsub.NewClient(context.Background(), "test", option.WithEndpoint(server.Addr), option.WithoutAuthentication(),
		option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())), option.WithTelemetryDisabled())
	if err != nil {
		t.Fatal(err)
	}
	sender := factsink.New(client, "nowhere")
	t.Cleanup(func() {
		if err := sender.Close(); err != nil {
			t.Error(err)
		}
	})
	if sent, err := send(t, sender, rows("k", 0, 3)); sent != 0 || status.Code(err) != codes.NotFound {
		t.Errorf("sent %d, %v", sent, err)
	}
	if _, err := factsink.Open(context.Background(), factsink.Config{}); err == nil {
		t.Error("no topic was taken for a topic")
	}
}
