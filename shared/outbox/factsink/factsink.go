// Package factsink publishes outbox rows as CloudEvents on a Pub/Sub topic.
package factsink

import (
	"context"
	"errors"
	"fmt"
	"time"

	"cloud.google.com/go/pubsub/v2"

	"github.com/vegascore/vegascore/shared/event"
	"github.com/vegascore/vegascore/shared/outbox"
)

// Config says which topic the facts go to.
type Config struct {
	// Project is the Google Cloud project; empty asks the platform.
	Project string `env:"GOOGLE_CLOUD_PROJECT"`
	// Topic is the topic's id in the project.
	Topic string `env:"FACTS_TOPIC" envDefault:"facts"`
}

// publishTimeout bounds the client's own repeats. It is below the drainer's
// default SendTimeout, so that the outcome of each row is known when Send ends.
const publishTimeout = 2500 * time.Millisecond

// Sender is an outbox.Sender over a topic. It may be used concurrently.
type Sender struct {
	client    *pubsub.Client
	publisher *pubsub.Publisher
}

// Open connects to Pub/Sub. It does not fail while Pub/Sub is away, nor when the
// topic does not exist: sending does then. PUBSUB_EMULATOR_HOST is obeyed.
func Open(ctx context.Context, c Config) (*Sender, error) {
	if c.Topic == "" {
		return nil, errors.New("open facts topic: FACTS_TOPIC is not set")
	}
	if c.Project == "" {
		c.Project = pubsub.DetectProjectID
	}
	client, err := pubsub.NewClient(ctx, c.Project)
	if err != nil {
		return nil, fmt.Errorf("open facts topic %s: %w", c.Topic, err)
	}
	return New(client, c.Topic), nil
}

// New returns a sender to the topic with this id or full name. It takes over the
// client.
func New(client *pubsub.Client, topic string) *Sender {
	p := client.Publisher(topic)
	p.EnableMessageOrdering = true
	p.PublishSettings.Timeout = publishTimeout
	p.PublishSettings.DelayThreshold = time.Millisecond // a batch comes whole: waiting gains nothing
	p.PublishSettings.CountThreshold = 500
	return &Sender{client: client, publisher: p}
}

// Close sends what is under way and closes the client.
func (s *Sender) Close() error {
	s.publisher.Stop()
	return s.client.Close()
}

// Send publishes each row in CloudEvents' binary mode with Key as ordering key.
// After a failure of one key Pub/Sub takes nothing more of that key until it is
// resumed, so no row overtakes another of its key; Send resumes the keys of all
// rows that are not out.
func (s *Sender) Send(ctx context.Context, rows []outbox.Row) (int, error) {
	results := make([]*pubsub.PublishResult, len(rows))
	for i, r := range rows {
		e := event.Event{
			ID: r.EventID, Source: event.Source, Type: r.Type, Subject: r.Key,
			Time: r.At, Traceparent: r.Traceparent, Data: r.Body,
		}
		results[i] = s.publisher.Publish(ctx, &pubsub.Message{Data: r.Body, Attributes: e.Attributes(), OrderingKey: r.Key})
	}
	sent := 0
	var failure error
	for i, result := range results {
		_, err := result.Get(ctx)
		if err != nil && failure == nil {
			failure = fmt.Errorf("publish fact %s: %w", rows[i].EventID, err)
		}
		if failure == nil {
			sent++
		}
	}
	// Only now: a key resumed earlier would let later rows of it out first.
	for _, r := range rows[sent:] {
		s.publisher.ResumePublish(r.Key)
	}
	return sent, failure
}
