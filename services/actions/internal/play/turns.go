package play

import (
	"context"
	"sync"

	"github.com/google/uuid"

	"github.com/vegascore/vegascore/shared/problem"
)

// queueLimit is how many bets of one player may wait in one container.
const queueLimit = 256

// turns lets one bet per player run at a time in this container. Other containers
// are held off by the lock of the account.
type turns struct {
	mu      sync.Mutex
	waiting map[uuid.UUID]*turn
}

// turn is the queue of one player. Its channel holds a token while nobody runs.
type turn struct {
	free  chan struct{}
	users int // running and waiting
}

// take waits for the turn of who and returns the function that ends it.
func (t *turns) take(ctx context.Context, who uuid.UUID) (done func(), err error) {
	t.mu.Lock()
	mine := t.waiting[who]
	if mine == nil {
		mine = &turn{free: make(chan struct{}, 1)}
		mine.free <- struct{}{}
		t.waiting[who] = mine
	}
	if mine.users > queueLimit {
		t.mu.Unlock()
		return nil, problem.Of(problem.Busy, "Too many of your bets are waiting.")
	}
	mine.users++
	t.mu.Unlock()
	select {
	case <-mine.free:
		return func() { mine.free <- struct{}{}; t.leave(who, mine) }, nil
	case <-ctx.Done():
		t.leave(who, mine)
		return nil, problem.Of(problem.Busy, "Your other bets took too long.").Because(ctx.Err())
	}
}

func (t *turns) leave(who uuid.UUID, mine *turn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if mine.users--; mine.users == 0 {
		delete(t.waiting, who)
	}
}
