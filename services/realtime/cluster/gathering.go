package cluster

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/vegascore/vegascore/services/realtime/socketio"
)

// gathering is a question that others are answering.
type gathering struct {
	kind socketio.QuestionKind
	news chan struct{} // holds one token: something was added

	mu       sync.Mutex
	take     func(socketio.Reply) // nil when nobody waits any longer
	servers  int                  // that are asked
	answered int                  // of them
	clients  int                  // of those
	acks     int                  // of them
}

func newGathering(kind socketio.QuestionKind, servers int, take func(socketio.Reply)) *gathering {
	return &gathering{kind: kind, servers: servers, take: take, news: make(chan struct{}, 1)}
}

// add takes a reply.
func (g *gathering) add(r socketio.Reply) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.take == nil {
		return
	}
	switch {
	case g.kind != socketio.AskClients:
		g.answered++
	case r.Answer != nil:
		g.acks++
	default:
		g.answered++
		g.clients += max(0, r.Clients)
	}
	g.take(r)
	select {
	case g.news <- struct{}{}:
	default: // the token is there already
	}
}

// wait returns when everything is there. When the time for servers is over those that
// have not answered are not waited for, but the clients of the others are, until ctx
// ends. Nothing is taken afterwards.
func (g *gathering) wait(ctx context.Context, servers time.Time) error {
	timer := time.NewTimer(time.Until(servers))
	defer timer.Stop()
	for late := false; ; {
		if done, err := g.end(late, nil); done {
			return err
		}
		select {
		case <-g.news:
		case <-timer.C:
			late = true
		case <-ctx.Done():
			cause := ctx.Err()
			if errors.Is(cause, context.DeadlineExceeded) {
				cause = nil
			}
			_, err := g.end(true, &cause)
			return err
		}
	}
}

// end says whether it is over, with what is missing. A cause, which may point to nil,
// makes it so.
func (g *gathering) end(late bool, cause *error) (done bool, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	whole := g.answered >= g.servers && g.acks >= g.clients
	if !whole && cause == nil && (!late || g.acks < g.clients) {
		return false, nil
	}
	g.take = nil
	if whole {
		return true, nil
	}
	partial := &socketio.PartialError{Servers: g.servers, Answered: g.answered, Clients: g.clients, Acks: g.acks}
	if cause != nil {
		partial.Cause = *cause
	}
	return true, partial
}

// asked are the questions of a namespace that others are answering, by their ids.
type asked struct {
	mu   sync.Mutex
	open map[string]*gathering
}

func (a *asked) begin(id string, g *gathering) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.open == nil {
		a.open = map[string]*gathering{}
	}
	a.open[id] = g
}

func (a *asked) end(id string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.open, id)
}

// find returns the question of an answer, nil when it is another server's, or over.
func (a *asked) find(id string) *gathering {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.open[id]
}

// concern says whether a message names one of the questions, without reading it.
func (a *asked) concern(contains func(id string) bool) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	for id := range a.open {
		if contains(id) {
			return true
		}
	}
	return false
}

// told are the orders of this server that have not come back from Redis, by their ids.
type told struct {
	mu   sync.Mutex
	open map[string]chan struct{} // closed when it has, and is done
}

func (t *told) begin(id string) (back <-chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.open == nil {
		t.open = map[string]chan struct{}{}
	}
	done := make(chan struct{})
	t.open[id] = done
	return done
}

// none says whether nothing is waited for.
func (t *told) none() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.open) == 0
}

// take returns the function to be called when the order is done here; ok is false for
// one that is not waited for, or not any longer.
func (t *told) take(id string) (done func(), ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	back, ok := t.open[id]
	delete(t.open, id)
	return func() { close(back) }, ok
}
