package pubsub

import (
	"encoding/json"
	"fmt"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
)

// envelope is the body of a push request as Cloud writes it: some members twice, in
// both spellings, and deliveryAttempt only with a dead letter policy.
type envelope struct {
	Message         envelopeMessage `json:"message"`
	Subscription    string          `json:"subscription"`
	DeliveryAttempt int             `json:"deliveryAttempt,omitempty"`
}

type envelopeMessage struct {
	Attributes   map[string]string `json:"attributes,omitempty"`
	Data         []byte            `json:"data"` // base64 in JSON
	MessageID    string            `json:"messageId"`
	MessageID2   string            `json:"message_id"`
	OrderingKey  string            `json:"orderingKey,omitempty"`
	PublishTime  string            `json:"publishTime"`
	PublishTime2 string            `json:"publish_time"`
}

func wrap(m *pubsubpb.PubsubMessage, subscription string, attempt int) ([]byte, error) {
	at := m.PublishTime.AsTime().Format(time.RFC3339Nano)
	b, err := json.Marshal(envelope{
		Message: envelopeMessage{
			Attributes: m.Attributes, Data: m.Data, OrderingKey: m.OrderingKey,
			MessageID: m.MessageId, MessageID2: m.MessageId, PublishTime: at, PublishTime2: at,
		},
		Subscription: subscription, DeliveryAttempt: attempt,
	})
	if err != nil {
		return nil, fmt.Errorf("wrap message %s: %w", m.MessageId, err)
	}
	return b, nil
}
