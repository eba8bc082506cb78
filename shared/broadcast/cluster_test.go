package broadcast

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vegascore/vegascore/shared/redisconn"
	"github.com/vegascore/vegascore/shared/redistest"
)

// All keys of a log are in one slot, which moves and changes its master under the
// emitter; Redis refuses the script while only some of the keys have moved.
func TestAnEmitterFollowsTheSlotOfTheLog(t *testing.T) {
	t.Parallel()
	nodes := redistest.Cluster(t)
	client, err := redisconn.Open(nodes.URL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	log := NewLog(client, LogOptions{Channel: Channel("socket.io", "/", "")})
	e := counted{New(client, Options{}), t}
	const key = "socket.io#/#"
	stop, done := make(chan struct{}), make(chan []string)
	go func() { // ends with stop, after the event under way
		var names []string
		defer func() { done <- names }()
		for pause := time.Tick(5 * time.Millisecond); ; {
			select {
			case <-stop:
				return
			case <-pause:
			}
			name := fmt.Sprint(len(names))
			for n := 0; n == 0; { // as the outbox does
				n, _ = e.emit(name)
			}
			names = append(names, name)
		}
	}()
	nodes.Move(key)
	nodes.Failover(key)
	nodes.AwaitWhole()
	nodes.Owner(key).Kill()
	nodes.Owner(key)
	close(stop)
	want := <-done
	t.Logf("%d events", len(want))
	if names, _ := tails(t, log); !cmp.Equal(want, names) {
		t.Errorf("room = %v; want %v", names, want)
	}
}
