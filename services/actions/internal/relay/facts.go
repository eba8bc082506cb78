package relay

import (
	"context"
	"sync"
	"time"

	"github.com/vegascore/vegascore/shared/outbox"
	"github.com/vegascore/vegascore/shared/outbox/factsink"
)

// factSender opens Pub/Sub when the first fact is to be sent: a container does not
// wait for it at start, and one without credentials for it still takes bets.
type factSender struct {
	config factsink.Config

	mu     sync.Mutex
	sender *factsink.Sender
	last   Publishing
}

// Publishing is how sending to Pub/Sub goes, as far as the last batch tells.
type Publishing struct {
	Sent  int64     // facts since the start
	Err   error     // of the last batch; nil when it went well, or there was none yet
	Since time.Time // of the first failure in a row; zero without one
}

// Send implements outbox.Sender.
func (f *factSender) Send(ctx context.Context, rows []outbox.Row) (int, error) {
	sender, err := f.open(ctx)
	n := 0
	if err == nil {
		n, err = sender.Send(ctx, rows)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.last.Sent += int64(n)
	f.last.Err = err
	switch {
	case err == nil:
		f.last.Since = time.Time{}
	case f.last.Since.IsZero():
		f.last.Since = time.Now()
	}
	return n, err
}

func (f *factSender) publishing() Publishing {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.last
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
