package e2e

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"testing"

	"github.com/vegascore/vegascore/infra/dev/e2e/platform"
	"github.com/vegascore/vegascore/infra/dev/stack"
)

// An operator looks at the console in a real browser while there is play and a container
// dies: see console.mjs, which says on its output what is to happen next. With SHOTS set
// to a folder there are pictures in it.
func TestAnOperatorWatchesThePlatformInABrowser(t *testing.T) {
	t.Parallel()
	p := platform.Start(t, stack.Options{Console: true, Env: map[string]map[string]string{
		"actions": {"APP_VERSION": `<img src=x onerror="document.title='run'">`},
	}})
	ada := platform.Guest(t, p.URL, "Ada")
	clients := newSockets(t)
	bets := 0
	happen := map[string]func(){
		"play": func() {
			clients.connect("ada", p.Service("realtime-1").URL, ada)
			for range 3 {
				bets++
				ada.MustBet(t, fmt.Sprint("k", bets), 100)
			}
		},
		"bet":  func() { bets++; ada.MustBet(t, fmt.Sprint("k", bets), 2500) },
		"halt": func() { must(t, p.Service("realtime-2").Halt()) },
		"back": func() { must(t, p.Service("realtime-2").Start(t.Context())) },
	}
	cmd := exec.CommandContext(t.Context(), "node", "console.mjs", p.Console, os.Getenv("SHOTS"))
	var failed bytes.Buffer
	cmd.Stderr = &failed
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	for lines := bufio.NewScanner(out); lines.Scan(); {
		next, ok := happen[lines.Text()]
		if !ok {
			t.Log(lines.Text())
			continue
		}
		next()
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("console.mjs: %v\n%s", err, failed.String())
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
