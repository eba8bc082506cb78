package pubsub

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/vegascore/vegascore/shared/auth"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	audience = "https://events.test"
	email    = "push@test.example"
	issuer   = "https://vegas.test"
)

// endpoint records pushes and answers what answer says.
type endpoint struct {
	*httptest.Server
	answer func(e envelope, r *http.Request) int

	mu  sync.Mutex
	got []envelope
}

func newEndpoint(t *testing.T, answer func(e envelope, r *http.Request) int) *endpoint {
	t.Helper()
	e := &endpoint{answer: answer}
	e.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var got envelope
		if err := json.NewDecoder(r.Body).Decode(&got); err != nil {
			t.Errorf("decode a push: %v", err)
		}
		code := http.StatusNoContent
		if e.answer != nil {
			code = e.answer(got, r)
		}
		e.mu.Lock()
		e.got = append(e.got, got)
		e.mu.Unlock()
		w.WriteHeader(code)
	}))
	t.Cleanup(e.Close)
	return e
}

func (e *endpoint) bodies() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	var all []string
	for _, g := range e.got {
		all = append(all, string(g.Message.Data))
	}
	return all
}

// newServer starts a server with a layout and returns a client of its publisher.
func newServer(t *testing.T, layout Layout) (*Server, func(topic string, messages ...*pubsubpb.PubsubMessage)) {
	t.Helper()
	signer, err := NewSigner(t.TempDir(), issuer, email)
	if err != nil {
		t.Fatal(err)
	}
	s, err := Start("127.0.0.1:0", signer, slog.New(slog.NewTextHandler(t.Output(), nil)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := layout.Apply(t.Context(), s.Addr); err != nil {
		t.Fatal(err)
	}
	conn, err := grpc.NewClient(s.Addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	client := pubsubpb.NewPublisherClient(conn)
	return s, func(topic string, messages ...*pubsubpb.PubsubMessage) {
		t.Helper()
		if _, err := client.Publish(t.Context(), &pubsubpb.PublishRequest{Topic: layout.topic(topic), Messages: messages}); err != nil {
			t.Fatal(err)
		}
	}
}

func await(t *testing.T, what string, met func() bool) {
	t.Helper()
	deadline := time.Now().Add(15 * time.Second)
	for !met() {
		if time.Now().After(deadline) {
			t.Fatalf("never happened: %s", what)
		}
		<-time.After(2 * time.Millisecond)
	}
}

func flush(t *testing.T, s *Server) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := s.Flush(ctx); err != nil {
		t.Fatal(err)
	}
}

func keyFile(t *testing.T, s *Signer) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "jwks.json")
	if err := os.WriteFile(file, s.JWKS(), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func message(key string, n int) *pubsubpb.PubsubMessage {
	return &pubsubpb.PubsubMessage{OrderingKey: key, Data: fmt.Appendf(nil, "%s-%d", key, n)}
}

func TestAPushCarriesTheEnvelopeAndATokenThatTheServicesAccept(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var refused []error
	var verifier *auth.PushVerifier
	e := newEndpoint(t, func(_ envelope, r *http.Request) int {
		mu.Lock()
		defer mu.Unlock()
		if err := verifier.Verify(r.Context(), r); err != nil {
			refused = append(refused, err)
			return http.StatusUnauthorized
		}
		return http.StatusOK
	})
	layout := Layout{Project: "p", Topics: []string{"facts"}, Subscriptions: []Subscription{{
		Name: "board", Topic: "facts", Endpoint: e.URL, Audience: audience, Email: email, Ordered: true,
	}}}
	s, publish := newServer(t, layout)
	made, err := auth.NewPushVerifier(t.Context(), auth.PushConfig{Audience: audience, Issuer: issuer, Email: email, JWKSFile: keyFile(t, s.signer)})
	if err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	verifier = made
	mu.Unlock()
	publish("facts", &pubsubpb.PubsubMessage{Data: []byte("hello"), OrderingKey: "k", Attributes: map[string]string{"ce-id": "1"}})
	flush(t, s)
	if len(refused) > 0 {
		t.Errorf("refused: %v", refused)
	}
	got := e.got[0]
	if got.Subscription != "projects/p/subscriptions/board" || string(got.Message.Data) != "hello" || got.Message.OrderingKey != "k" ||
		got.Message.Attributes["ce-id"] != "1" || got.Message.MessageID == "" || got.Message.MessageID != got.Message.MessageID2 || got.DeliveryAttempt != 0 {
		t.Errorf("got %+v", got)
	}
	if _, err := time.Parse(time.RFC3339Nano, got.Message.PublishTime); err != nil {
		t.Error(err)
	}
}

func TestOneKeyIsDeliveredInOrderThroughFailures(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	tries := map[string]int{}
	e := newEndpoint(t, func(e envelope, _ *http.Request) int {
		mu.Lock()
		defer mu.Unlock()
		body := string(e.Message.Data)
		if tries[body]++; tries[body] == 1 && strings.HasSuffix(body, "3") {
			return http.StatusServiceUnavailable // every message that ends in 3, once
		}
		return http.StatusOK
	})
	s, publish := newServer(t, Layout{Project: "p", Topics: []string{"facts"}, Subscriptions: []Subscription{{
		Name: "board", Topic: "facts", Endpoint: e.URL, Ordered: true, MinBackoff: time.Millisecond, MaxBackoff: 5 * time.Millisecond,
	}}})
	const n = 60
	want := map[string][]string{}
	for i := range n {
		var batch []*pubsubpb.PubsubMessage
		for _, key := range []string{"a", "b"} {
			batch = append(batch, message(key, i))
			want[key] = append(want[key], string(message(key, i).Data))
		}
		publish("facts", batch...)
	}
	flush(t, s)
	got := map[string][]string{}
	for _, b := range e.bodies() {
		key := b[:1]
		if len(got[key]) > 0 && got[key][len(got[key])-1] == b {
			continue // the second attempt, right after the first
		}
		got[key] = append(got[key], b)
	}
	for key := range want {
		if !slices.Equal(got[key], want[key]) {
			t.Errorf("key %s: got %v", key, got[key])
		}
	}
}

func TestAPoisonMessageGoesToTheDeadLetterTopicAndOthersFlow(t *testing.T) {
	t.Parallel()
	e := newEndpoint(t, func(e envelope, _ *http.Request) int {
		if string(e.Message.Data) == "poison" {
			return http.StatusInternalServerError
		}
		return http.StatusOK
	})
	graves := newEndpoint(t, nil)
	s, publish := newServer(t, Layout{Project: "p", Topics: []string{"facts", "dead"}, Subscriptions: []Subscription{
		{Name: "board", Topic: "facts", Endpoint: e.URL, MinBackoff: time.Millisecond, MaxBackoff: time.Millisecond, DeadLetter: "dead", MaxAttempts: 5},
		{Name: "graves", Topic: "dead", Endpoint: graves.URL},
	}})
	publish("facts", &pubsubpb.PubsubMessage{Data: []byte("poison")}, &pubsubpb.PubsubMessage{Data: []byte("good")})
	await(t, "the dead letter", func() bool { return len(graves.bodies()) == 1 })
	if got := graves.got[0].Message.Attributes; got["CloudPubSubDeadLetterSourceDeliveryCount"] != "5" || got["CloudPubSubDeadLetterSourceSubscription"] != "board" {
		t.Errorf("attributes %v", got)
	}
	attempts := 0
	for _, g := range e.got {
		if string(g.Message.Data) == "poison" {
			if attempts++; g.DeliveryAttempt != attempts {
				t.Errorf("attempt %d says %d", attempts, g.DeliveryAttempt)
			}
		}
	}
	if attempts != 5 || !slices.Contains(e.bodies(), "good") {
		t.Errorf("poison tried %d times, all: %v", attempts, e.bodies())
	}
	flush(t, s)
	if got, want := s.Counts(), (Counts{Delivered: 2, Dead: 1}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestAnEndpointThatComesBackGetsEverything(t *testing.T) {
	t.Parallel()
	down := newEndpoint(t, nil)
	address := down.URL
	down.Close()
	layout := Layout{Project: "p", Topics: []string{"facts"}, Subscriptions: []Subscription{{
		Name: "board", Topic: "facts", Endpoint: address, MinBackoff: time.Millisecond, MaxBackoff: 10 * time.Millisecond,
	}}}
	s, publish := newServer(t, layout)
	for i := range 10 {
		publish("facts", message("", i))
	}
	up := newEndpoint(t, nil)
	layout.Subscriptions[0].Endpoint = up.URL // as a service that restarted on another port
	if err := layout.Apply(t.Context(), s.Addr); err != nil {
		t.Fatal(err)
	}
	flush(t, s)
	if got := len(up.bodies()); got != 10 {
		t.Errorf("got %d messages", got)
	}
}

func TestAFilterKeepsOtherMessagesOut(t *testing.T) {
	t.Parallel()
	e := newEndpoint(t, nil)
	s, publish := newServer(t, Layout{Project: "p", Topics: []string{"facts"}, Subscriptions: []Subscription{{
		Name: "board", Topic: "facts", Endpoint: e.URL, Filter: `attributes.kind = "a"`,
	}}})
	for _, kind := range []string{"a", "b", "a"} {
		publish("facts", &pubsubpb.PubsubMessage{Data: []byte(kind), Attributes: map[string]string{"kind": kind}})
	}
	flush(t, s)
	await(t, "two messages", func() bool { return len(e.bodies()) == 2 })
	if got := e.bodies(); !slices.Equal(got, []string{"a", "a"}) {
		t.Errorf("got %v", got)
	}
}

func TestEmptyingTheStoreLosesNothing(t *testing.T) {
	t.Parallel()
	e := newEndpoint(t, nil)
	s, publish := newServer(t, Layout{Project: "p", Topics: []string{"facts"}, Subscriptions: []Subscription{{
		Name: "board", Topic: "facts", Endpoint: e.URL, Ordered: true,
	}}})
	var wg sync.WaitGroup
	const publishers, each = 4, 100
	for p := range publishers {
		wg.Go(func() {
			for i := range each {
				publish("facts", message(fmt.Sprint(p), i))
			}
		})
	}
	done := make(chan struct{})
	var clearing sync.WaitGroup
	clearing.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
				s.clear()
			}
		}
	})
	wg.Wait()
	close(done)
	clearing.Wait()
	flush(t, s)
	s.clear()
	if got := len(e.bodies()); got != publishers*each {
		t.Errorf("got %d of %d", got, publishers*each)
	}
	if left := len(s.store.Messages()); left != 0 {
		t.Errorf("the store still keeps %d messages", left)
	}
}
