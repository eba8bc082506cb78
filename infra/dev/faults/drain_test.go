package faults

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/vegascore/vegascore/infra/dev/e2e/platform"
	"github.com/vegascore/vegascore/infra/dev/stack"
	"github.com/vegascore/vegascore/services/realtime/testclient"
)

// endBound is how long a service may take from SIGTERM to exit code 0.
const endBound = 8 * time.Second

// end sends SIGTERM and waits for exit code 0, which must come in time: SIGKILL follows
// after 10 s, whatever else the machine does.
func end(t *testing.T, s *stack.Service) time.Duration {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), platform.Patience)
	defer cancel()
	took, err := s.Stop(ctx)
	if err != nil {
		t.Error(err)
	}
	if took > endBound {
		t.Errorf("%s took %s to end; the bound is %s", s.Name, took, endBound)
	}
	return took
}

// Fault 18, requests: the services behind HTTP end while players bet.
func TestSIGTERMDropsNoRequest(t *testing.T) {
	t.Parallel()
	p := platform.Start(t, stack.Options{})
	crowd := platform.NewCrowd(t, p.Service("actions").URL, 4)
	stop := crowd.Run("k")
	took := map[string][]time.Duration{}
	for range times(2) {
		for _, name := range []string{"actions", "events"} {
			crowd.More(20)
			took[name] = append(took[name], end(t, p.Service(name)))
			if err := p.Service(name).Start(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	stop()
	judge(t, p, crowd)
	refused, unheard := crowd.Refused()
	t.Logf("SIGTERM: actions ended within %s, events within %s; HTTP requests dropped %d of %d, refused %v",
		longest(took["actions"]), longest(took["events"]), unheard, len(crowd.Acked()), refused)
	if unheard > 0 {
		t.Errorf("%d requests were taken and not answered", unheard)
	}
}

// Fault 18, sockets: a realtime container ends, and its clients connect elsewhere.
func TestSIGTERMMovesSocketsToAnotherContainer(t *testing.T) {
	t.Parallel()
	const sockets = 20
	p := platform.Start(t, stack.Options{})
	ada := platform.Guest(t, p.URL, "Ada")
	script := testclient.Start(t, "client.mjs")
	for i := range sockets {
		script.Tell(testclient.Command{"do": "connect", "client": fmt.Sprint(i), "url": p.URL, "options": map[string]any{"auth": map[string]string{"token": ada.Token}}})
	}
	for i := range sockets {
		script.On(fmt.Sprint(i), "connect")
	}
	var took, back []time.Duration
	moved := 0
	for n := range times(2) {
		service := p.Service(fmt.Sprint("realtime-", n%2+1))
		began := time.Now()
		took = append(took, end(t, service))
		left := 0 // those that it had
		for i := range sockets {
			name := fmt.Sprint(i)
			if l, ok := script.Take(func(l testclient.Line) bool { return l.Client == name && l.On == "disconnect" }); ok {
				if left++; l.Reason != "transport close" {
					t.Errorf("socket %d was told %q; a client that is to come back must see its transport close", i, l.Reason)
				}
				script.On(name, "connect")
			}
		}
		back = append(back, time.Since(began))
		if moved += left; left == 0 {
			t.Error("the container had no socket")
		}
		if err := service.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("SIGTERM: realtime ended within %s, %d sockets moved, all back within %s", longest(took), moved, longest(back))
}
