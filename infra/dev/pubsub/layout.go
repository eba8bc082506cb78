package pubsub

import (
	"context"
	"fmt"
	"strings"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
)

// Subscription is a push subscription.
type Subscription struct {
	Name     string
	Topic    string
	Endpoint string // URL that messages are POSTed to
	Audience string // of the identity token; empty: no token
	Email    string // service account of the token
	Ordered  bool   // one message per ordering key at a time
	Filter   string // Cloud's filter syntax; empty: all messages

	AckDeadline time.Duration // and timeout of a push; 10-600 s, 10 s when 0
	MinBackoff  time.Duration // between attempts; the server's default when 0
	MaxBackoff  time.Duration

	DeadLetter  string // topic of what failed MaxAttempts times; empty: try for ever
	MaxAttempts int    // 5-100
}

// Layout is what a project needs on a Pub/Sub server.
type Layout struct {
	Project       string
	Topics        []string
	Subscriptions []Subscription
}

// Apply makes what is missing on the server at host (host:port, no TLS) and brings
// the push configuration of existing subscriptions up to date.
func (l Layout) Apply(ctx context.Context, host string) error {
	conn, err := grpc.NewClient(host, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return fmt.Errorf("connect to Pub/Sub at %s: %w", host, err)
	}
	defer func() { _ = conn.Close() }()
	publisher, subscriber := pubsubpb.NewPublisherClient(conn), pubsubpb.NewSubscriberClient(conn)
	for _, name := range l.Topics {
		_, err := publisher.CreateTopic(ctx, &pubsubpb.Topic{Name: l.topic(name)}, grpc.WaitForReady(true))
		if err != nil && status.Code(err) != codes.AlreadyExists {
			return fmt.Errorf("make topic %s: %w", name, err)
		}
	}
	for _, s := range l.Subscriptions {
		want := l.subscription(s)
		_, err := subscriber.CreateSubscription(ctx, want)
		if status.Code(err) == codes.AlreadyExists {
			_, err = subscriber.UpdateSubscription(ctx, &pubsubpb.UpdateSubscriptionRequest{
				Subscription: want, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"push_config"}},
			})
		}
		if err != nil {
			return fmt.Errorf("make subscription %s: %w", s.Name, err)
		}
	}
	return nil
}

func (l Layout) topic(name string) string { return "projects/" + l.Project + "/topics/" + name }

// subscription is s in the words of the API.
func (l Layout) subscription(s Subscription) *pubsubpb.Subscription {
	push := &pubsubpb.PushConfig{PushEndpoint: s.Endpoint}
	if s.Audience != "" {
		push.AuthenticationMethod = &pubsubpb.PushConfig_OidcToken_{OidcToken: &pubsubpb.PushConfig_OidcToken{
			ServiceAccountEmail: s.Email, Audience: s.Audience,
		}}
	}
	made := &pubsubpb.Subscription{
		Name:                  "projects/" + l.Project + "/subscriptions/" + s.Name,
		Topic:                 l.topic(s.Topic),
		PushConfig:            push,
		AckDeadlineSeconds:    int32(max(s.AckDeadline, defaultAckDeadline) / time.Second),
		EnableMessageOrdering: s.Ordered,
		Filter:                s.Filter,
	}
	if s.MinBackoff > 0 || s.MaxBackoff > 0 {
		made.RetryPolicy = &pubsubpb.RetryPolicy{}
		if s.MinBackoff > 0 {
			made.RetryPolicy.MinimumBackoff = durationpb.New(s.MinBackoff)
		}
		if s.MaxBackoff > 0 {
			made.RetryPolicy.MaximumBackoff = durationpb.New(s.MaxBackoff)
		}
	}
	if s.DeadLetter != "" {
		made.DeadLetterPolicy = &pubsubpb.DeadLetterPolicy{DeadLetterTopic: l.topic(s.DeadLetter), MaxDeliveryAttempts: int32(s.MaxAttempts)}
	}
	return made
}

// short is the last part of a resource name.
func short(name string) string { return name[strings.LastIndex(name, "/")+1:] }
