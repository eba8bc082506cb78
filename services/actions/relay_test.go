package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"cloud.google.com/go/pubsub/v2/pstest"
	"github.com/redis/go-redis/v9"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/vegascore/vegascore/shared/event"
	"github.com/vegascore/vegascore/shared/pgtest"
	"github.com/vegascore/vegascore/shared/redistest"
)

// facts starts a Pub/Sub with the topic and returns it with the variable for it.
func facts(t *testing.T) (*pstest.Server, string) {
	t.Helper()
	server := pstest.NewServer()
	t.Cleanup(func() { _ = server.Close() })
	client, err := pubsub.NewClient(t.Context(), "test", option.WithEndpoint(server.Addr), option.WithoutAuthentication(),
		option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())), option.WithTelemetryDisabled())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Close() }()
	if _, err := client.TopicAdminClient.CreateTopic(t.Context(), &pubsubpb.Topic{Name: "projects/test/topics/facts"}); err != nil {
		t.Fatal(err)
	}
	return server, "PUBSUB_EMULATOR_HOST=" + server.Addr
}

// ears counts what is published to the rooms.
type ears struct {
	mu     sync.Mutex
	rounds int
}

func listen(t *testing.T, url string) *ears {
	t.Helper()
	opts, err := redis.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	client := redis.NewClient(opts)
	sub := client.PSubscribe(context.Background(), "socket.io#/#*")
	if _, err := sub.Receive(t.Context()); err != nil {
		t.Fatal(err)
	}
	e := &ears{}
	var wg sync.WaitGroup
	wg.Go(func() { // ends when the subscription is closed
		for m := range sub.Channel() {
			if strings.HasPrefix(m.Channel, "socket.io#/#table:") {
				e.mu.Lock()
				e.rounds++
				e.mu.Unlock()
			}
		}
	})
	t.Cleanup(func() { _ = sub.Close(); wg.Wait(); client.Close() })
	return e
}

func (e *ears) heard() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.rounds
}

func unsent(t *testing.T, pg *pgtest.Database) int {
	t.Helper()
	return count(t, pg, `SELECT count(*) FROM outbox WHERE sent_at IS NULL`)
}

func TestABetIsToldToBothSinks(t *testing.T) {
	t.Parallel()
	server := redistest.Server(t)
	topic, emulator := facts(t)
	s, _ := begin(t, emulator, "REDIS_URL="+server.URL)
	heard := listen(t, server.URL)
	ada := s.guest("Ada")
	var a answer
	ada.bet("k", 100).into(t, &a)
	eventually(t, "room event", func() bool { return heard.heard() == 1 })
	eventually(t, "fact", func() bool { return len(topic.Messages()) == 1 })
	m := topic.Messages()[0]
	var fact event.RoundSettled
	if err := json.Unmarshal(m.Data, &fact); err != nil {
		t.Fatal(err)
	}
	if m.OrderingKey != "dice-1" || m.Attributes["ce-type"] != event.TypeRoundSettled || fact.Round.String() != a.Round.ID || fact.Name != "Ada" {
		t.Errorf("fact = %s with %v and key %s", m.Data, m.Attributes, m.OrderingKey)
	}
}

// Redis and Pub/Sub are away: bets are taken, health says degraded, and what
// happened meanwhile is told when they are back.
func TestBetsNeedNeitherRedisNorPubSub(t *testing.T) {
	t.Parallel()
	server := redistest.Server(t)
	server.Kill()
	s, pg := begin(t, "REDIS_URL="+server.URL)
	ada := s.guest("Ada")
	for i := range 5 {
		if r := ada.bet(fmt.Sprint("k", i), 10); r.status != 201 {
			t.Fatalf("bet without Redis: %d %s", r.status, r.body)
		}
	}
	if n := unsent(t, pg); n != 15 {
		t.Errorf("%d rows wait; want 15", n)
	}
	eventually(t, "degraded", func() bool {
		r := s.get("/health")
		return r.status == 200 && strings.Contains(r.body, `"status":"degraded"`)
	})
	if r := s.get("/ready"); r.status != 200 {
		t.Errorf("ready without Redis: %d %s", r.status, r.body)
	}
	server.Start()
	start := time.Now()
	eventually(t, "all but the 5 facts sent", func() bool { return unsent(t, pg) == 5 })
	t.Logf("room events were sent %s after Redis came back", time.Since(start).Round(time.Millisecond))
	heard := listen(t, server.URL)
	if r := ada.bet("after", 10); r.status != 201 {
		t.Fatalf("bet with Redis back: %d %s", r.status, r.body)
	}
	eventually(t, "room event", func() bool { return heard.heard() == 1 })
}

// A container dies after the commit and before anything was sent: another one sends.
func TestAnotherContainerSendsWhatADeadOneCommitted(t *testing.T) {
	t.Parallel()
	server := redistest.Server(t)
	topic, emulator := facts(t)
	dead, pg := begin(t) // it reaches neither sink
	ada := dead.guest("Ada")
	for i := range 5 {
		if r := ada.bet(fmt.Sprint("k", i), 10); r.status != 201 {
			t.Fatalf("bet: %d %s", r.status, r.body)
		}
	}
	dead.kill()
	heard := listen(t, server.URL)
	launch(t, pg, emulator, "REDIS_URL="+server.URL)
	eventually(t, "room events", func() bool { return heard.heard() == 5 })
	eventually(t, "facts", func() bool { return len(topic.Messages()) == 5 })
	eventually(t, "empty outbox", func() bool { return unsent(t, pg) == 0 })
}

// The last requests' rows go out before the end.
func TestSIGTERMFlushesTheOutbox(t *testing.T) {
	t.Parallel()
	server := redistest.Server(t)
	topic, emulator := facts(t)
	s, pg := begin(t, emulator, "REDIS_URL="+server.URL)
	ada := s.guest("Ada")
	for i := range 20 {
		ada.bet(fmt.Sprint("k", i), 10)
	}
	code, took := s.terminate()
	if n := unsent(t, pg); code != 0 || n != 0 || len(topic.Messages()) != 20 {
		t.Errorf("exit code %d after %s, %d rows left, %d facts; want 0, none, 20", code, took, n, len(topic.Messages()))
	}
}
