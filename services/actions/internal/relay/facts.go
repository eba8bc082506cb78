package relay

import (
	"context"
	"sync"

	"github.com/vegascore/vegascore/shared/outbox"
	"github.com/vegascore/vegascore/shared/outbox/factsink"
)

// factSender opens Pub/Sub when the first fact is to be sent: a container does not
// wait for it at start, and one without credentials for it still takes bets.
type factSender struct {
	config factsink.Config

	mu     sync.Mutex
	sender *factsink.Sender
}

// Send implements outbox.Sender.
func (f *factSender) Send(ctx context.Context, rows []outbox.Row) (int, error) {
	sender, err := f.open(ctx)
	if err != nil {
		return 0, err
	}
	return sender.Send(ctx, rows)
}

func (f *factSender) open(ctx context.Context) (*factsink.Sender, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.sender != nil {
		return f.sender, nil
	}
	// The client keeps the context for its credentials, beyond this call.
	sender, err := factsink.Open(context.WithoutCancel(ctx), f.config)
	if err != nil {
		return nil, err
	}
	f.sender = sender
	return sender, nil
}

func (f *factSender) close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.sender == nil {
		return nil
	}
	return f.sender.Close()
}
