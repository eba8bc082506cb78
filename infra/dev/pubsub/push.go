package pubsub

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strconv"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
)

// push makes one attempt. Nil means that the endpoint answered 2xx in time.
func (f *feeder) push(d *delivery, config *pubsubpb.Subscription) error {
	attempt := 0
	if config.DeadLetterPolicy != nil {
		attempt = d.attempt
	}
	body, err := wrap(d.message, config.Name, attempt)
	if err != nil {
		return err
	}
	deadline := defaultAckDeadline
	if config.AckDeadlineSeconds > 0 {
		deadline = time.Duration(config.AckDeadlineSeconds) * time.Second
	}
	ctx, cancel := context.WithTimeout(f.ctx, deadline)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, config.PushConfig.PushEndpoint, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("push: %w", err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "CloudPubSub-Google")
	if err := f.server.signer.sign(r, config.PushConfig); err != nil {
		return err
	}
	answer, err := f.client.Do(r)
	if err != nil {
		return fmt.Errorf("push: %w", err)
	}
	defer answer.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, 64<<10)) // so that the connection is used again
	if answer.StatusCode/100 != 2 {
		return fmt.Errorf("push: the endpoint answered %s", answer.Status)
	}
	return nil
}

// sign adds the identity token that a push configuration asks for.
func (s *Signer) sign(r *http.Request, config *pubsubpb.PushConfig) error {
	oidc := config.GetOidcToken()
	if oidc == nil {
		return nil
	}
	if oidc.ServiceAccountEmail != s.Email {
		return fmt.Errorf("push: no key for service account %s", oidc.ServiceAccountEmail)
	}
	audience := oidc.Audience
	if audience == "" {
		audience = config.PushEndpoint
	}
	text, err := s.Token(audience)
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+text)
	return nil
}

// bury publishes a message that failed too often to the dead letter topic, with the
// attributes by which Cloud says where it came from.
func (s *Server) bury(d *delivery, config *pubsubpb.Subscription, reason error) {
	s.dead.Add(1)
	attributes := maps.Clone(d.message.Attributes)
	if attributes == nil {
		attributes = map[string]string{}
	}
	attributes["CloudPubSubDeadLetterSourceDeliveryCount"] = strconv.Itoa(d.attempt)
	attributes["CloudPubSubDeadLetterSourceSubscription"] = short(config.Name)
	attributes["CloudPubSubDeadLetterSourceTopicPublishTime"] = d.message.PublishTime.AsTime().Format(time.RFC3339Nano)
	_, err := (&publisher{GServer: &s.store.GServer, server: s}).Publish(context.Background(), &pubsubpb.PublishRequest{
		Topic: config.DeadLetterPolicy.DeadLetterTopic,
		Messages: []*pubsubpb.PubsubMessage{{
			Data: d.message.Data, Attributes: attributes, OrderingKey: d.message.OrderingKey,
		}},
	})
	s.logger.Error("message is dead", "subscription", short(config.Name), "message_id", d.message.MessageId,
		"attempts", d.attempt, "dead_letter_topic", short(config.DeadLetterPolicy.DeadLetterTopic), "error", errors.Join(reason, err))
}
