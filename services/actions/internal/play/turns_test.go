package play

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"

	"github.com/vegascore/vegascore/shared/problem"
)

func TestOnePlayersTurnsComeOneByOne(t *testing.T) {
	t.Parallel()
	all := turns{waiting: make(map[uuid.UUID]*turn)}
	ada := newID()
	var running, most atomic.Int64
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			done, err := all.take(t.Context(), ada)
			if err != nil {
				t.Error(err)
				return
			}
			defer done()
			if n := running.Add(1); n > most.Load() {
				most.Store(n)
			}
			running.Add(-1)
		})
	}
	wg.Wait()
	if most.Load() != 1 || len(all.waiting) != 0 {
		t.Errorf("%d ran at once, %d queues are left; want 1 and 0", most.Load(), len(all.waiting))
	}
}

func TestAFullQueueAndALongWaitAreBusy(t *testing.T) {
	t.Parallel()
	all := turns{waiting: make(map[uuid.UUID]*turn)}
	ada, bob := newID(), newID()
	done, err := all.take(t.Context(), ada)
	if err != nil {
		t.Fatal(err)
	}
	over, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for range queueLimit {
		wg.Go(func() {
			if _, err := all.take(over, ada); !is(err, problem.Busy) {
				t.Errorf("a wait that was given up: %v", err)
			}
		})
	}
	for full := false; !full; {
		all.mu.Lock()
		full = all.waiting[ada].users == queueLimit+1
		all.mu.Unlock()
	}
	if _, err := all.take(t.Context(), ada); !is(err, problem.Busy) {
		t.Errorf("a full queue: %v; want busy", err)
	}
	free, err := all.take(t.Context(), bob) // others are not held up
	if err != nil {
		t.Fatal(err)
	}
	free()
	cancel()
	wg.Wait()
	done()
	if len(all.waiting) != 0 {
		t.Errorf("%d queues are left", len(all.waiting))
	}
}
