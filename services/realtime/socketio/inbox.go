package socketio

import (
	"sync"
	"time"
)

const (
	// maxInbox is how many events of one socket may wait for its handlers before
	// its session stops reading.
	maxInbox = 256
	// patience is how long it stops reading before it is closed. A handler may be
	// waiting for an answer that is behind the events.
	patience = 10 * time.Second
)

// inbox runs tasks one after another. Its goroutine lives while there are
// tasks; the group that is given counts it. The zero value is ready.
type inbox struct {
	mu    sync.Mutex
	tasks []func()
	busy  bool          // a goroutine runs tasks
	space chan struct{} // closed when a full inbox takes tasks again; nil while nobody waits
}

// offer waits until a full inbox takes tasks again. It returns false when that
// takes longer than patience.
func (in *inbox) offer(group *sync.WaitGroup, task func()) bool {
	in.mu.Lock()
	var space chan struct{}
	if len(in.tasks) >= maxInbox {
		if in.space == nil {
			in.space = make(chan struct{})
		}
		space = in.space
	}
	in.mu.Unlock()
	if space != nil {
		timer := time.NewTimer(patience)
		defer timer.Stop()
		select {
		case <-space:
		case <-timer.C:
			return false
		}
	}
	in.put(group, task)
	return true
}

// put adds a task. It never waits, so that a task may put others.
func (in *inbox) put(group *sync.WaitGroup, task func()) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.tasks = append(in.tasks, task)
	if !in.busy {
		in.busy = true
		group.Go(in.run) // ends when no task is left
	}
}

// run takes all tasks that are there, until there are none.
func (in *inbox) run() {
	for {
		in.mu.Lock()
		tasks := in.tasks
		in.tasks = nil
		if in.space != nil {
			close(in.space)
			in.space = nil
		}
		if len(tasks) == 0 {
			in.busy = false
			in.mu.Unlock()
			return
		}
		in.mu.Unlock()
		for _, task := range tasks {
			task()
		}
	}
}
