// Package push is the receiving end of Pub/Sub push subscriptions: one HTTP
// function per consumer.
//
// The answer decides about redelivery. 2xx takes the message off the subscription:
// its effect is there, was there before, or its type is none of ours. Anything
// else brings it again, after the subscription's attempts into the dead letter
// topic. So a message that can never be handled is answered 4xx, not 2xx: it is
// kept for a person to look at.
package push

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/vegascore/vegascore/services/events/internal/inbox"
	"github.com/vegascore/vegascore/shared/event"
	"github.com/vegascore/vegascore/shared/postgres"
	"github.com/vegascore/vegascore/shared/problem"
	"github.com/vegascore/vegascore/shared/telemetry"
	"github.com/vegascore/vegascore/shared/web"
)

// handleTime bounds the handling of one delivery. It is below the shortest ack
// deadline (10 s) and below the time that a container has to end (8 s).
const handleTime = 6 * time.Second

// Verifier refuses a request whose identity token is missing or wrong.
type Verifier interface {
	Verify(ctx context.Context, r *http.Request) error
}

// Consumer handles an event that may have come before.
type Consumer interface {
	Handle(ctx context.Context, e event.Event) (inbox.Outcome, error)
}

// Function is one consumer as an HTTP function. It may be used concurrently.
type Function struct {
	Name     string
	Verifier Verifier
	Consumer Consumer
	Metrics  *Metrics
	Logger   *slog.Logger
}

// ServeHTTP answers one delivery. The token is checked before the body is read.
func (f *Function) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	web.Handle(f.serve).ServeHTTP(w, r)
}

func (f *Function) serve(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	if err := f.Verifier.Verify(ctx, r); err != nil {
		f.Metrics.count(f.Name, refused)
		return err
	}
	d, err := parse(w, r)
	if err != nil {
		f.Metrics.count(f.Name, poison)
		f.Logger.WarnContext(ctx, "delivery cannot be read", "function", f.Name, "error", err.Error())
		return err
	}
	if err := f.handle(ctx, d); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// handle runs the consumer in the trace of whoever made the event.
//
// The sender's context is left behind: a sender that gives up would otherwise break
// the database connection in the middle of a statement, and one slow moment would
// become a storm of new connections. What is finished late is found by the next
// delivery.
func (f *Function) handle(sender context.Context, d delivery) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(sender), handleTime)
	defer cancel()
	ctx, span := telemetry.Tracer("services/events/push").Start(telemetry.WithTraceparent(ctx, d.Traceparent), "handle "+f.Name,
		trace.WithSpanKind(trace.SpanKindConsumer),
		trace.WithLinks(trace.LinkFromContext(sender)), // the delivery's own trace
		trace.WithAttributes(
			attribute.String("cloudevents.event_id", d.ID.String()),
			attribute.String("cloudevents.event_type", d.Type),
			attribute.String("messaging.message.id", d.messageID)))
	defer span.End()

	outcome, err := f.Consumer.Handle(ctx, d.Event)
	if err != nil {
		span.SetStatus(codes.Error, "not handled")
		return f.failed(ctx, d, postgres.Problem(err))
	}
	f.Metrics.count(f.Name, string(outcome))
	if outcome == inbox.Applied && !d.Time.IsZero() {
		f.Metrics.late(f.Name, time.Since(d.Time))
	}
	span.SetAttributes(attribute.String("outcome", string(outcome)))
	f.Logger.DebugContext(ctx, "event handled", "function", f.Name, "event_id", d.ID.String(),
		"type", d.Type, "outcome", string(outcome), "attempt", d.attempt)
	return nil
}

// failed counts a failure. An event that can never be handled is logged here, with
// the event's own trace; for passing trouble the reply's own log line is enough.
func (f *Function) failed(ctx context.Context, d delivery, err error) error {
	var known *problem.Problem
	if !errors.As(err, &known) || known.Status >= http.StatusInternalServerError {
		f.Metrics.count(f.Name, failed)
		return err
	}
	f.Metrics.count(f.Name, poison)
	f.Logger.WarnContext(ctx, "event cannot be handled", "function", f.Name, "event_id", d.ID.String(),
		"type", d.Type, "attempt", d.attempt, "message_id", d.messageID, "error", err.Error())
	return err
}
