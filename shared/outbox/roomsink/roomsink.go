// Package roomsink sends outbox rows to the sockets of rooms, through Redis.
package roomsink

import (
	"context"
	"errors"
	"log/slog"

	"github.com/vegascore/vegascore/shared/broadcast"
	"github.com/vegascore/vegascore/shared/outbox"
)

// Emitter publishes messages in order and returns how many of the first are out.
type Emitter interface {
	Emit(ctx context.Context, msgs ...broadcast.Message) (int, error)
}

// Sender is an outbox.Sender over an Emitter. It may be used concurrently.
type Sender struct {
	emitter Emitter
	logger  *slog.Logger
}

// New returns a sender.
func New(emitter Emitter, logger *slog.Logger) *Sender {
	return &Sender{emitter: emitter, logger: logger}
}

// Send publishes each row as the event Type to the room Key with the arguments
// Body. "Out" means in the room log, once, also when a row is sent again because the
// answer was lost or the sender died before it could note it.
//
// A row that can never be published, because its body is no array or nested too
// deeply, is logged and counted as sent: it must not stop the rooms behind it.
func (s *Sender) Send(ctx context.Context, rows []outbox.Row) (int, error) {
	messages := make([]broadcast.Message, len(rows))
	for i, r := range rows {
		messages[i] = broadcast.Message{Room: r.Key, Event: r.Type, Args: r.Body, ID: r.EventID.String()}
	}
	sent := 0
	for sent < len(rows) {
		n, err := s.emitter.Emit(ctx, messages[sent:]...)
		sent += n
		if err == nil {
			break
		}
		if !errors.Is(err, broadcast.ErrSyntax) && !errors.Is(err, broadcast.ErrDepth) && !errors.Is(err, broadcast.ErrPlaceholder) {
			return sent, err
		}
		s.logger.ErrorContext(ctx, "room event dropped", "event_id", rows[sent].EventID, "type", rows[sent].Type, "error", err)
		sent++
	}
	return sent, nil
}
