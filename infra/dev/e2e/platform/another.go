package platform

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/vegascore/vegascore/shared/child"
)

// Another runs one more container of a service next to the stack, with the variables
// of the stack's env file, until the test ends, and returns its address. The front
// door does not know it.
func (p *Platform) Another(t testing.TB, name string) (url string) {
	t.Helper()
	port, err := child.Port()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(p.dir, "env"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(filepath.Join(Binaries(t), name))
	cmd.Env = os.Environ()
	for line := range strings.Lines(string(text)) {
		if set, ok := strings.CutPrefix(strings.TrimSpace(line), "export "); ok {
			variable, value, _ := strings.Cut(set, "=")
			cmd.Env = append(cmd.Env, variable+"="+strings.Trim(value, "'"))
		}
	}
	cmd.Env = append(cmd.Env, "PORT="+strconv.Itoa(port), "INTERNAL_ADDR=127.0.0.1:0")
	cmd.Stderr = t.Output()
	process, err := child.Start(cmd, syscall.SIGKILL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := process.Kill(); err != nil {
			t.Error(err)
		}
	})
	url = "http://127.0.0.1:" + strconv.Itoa(port)
	Await(t, "one more "+name+" is ready", func() bool {
		if process.Ended() {
			t.Fatalf("one more %s has ended: %v", name, process.Err())
		}
		answer, err := (&Player{client: client(t)}).Do(t.Context(), http.MethodGet, url+"/ready", "", nil)
		return err == nil && answer.Status == http.StatusOK
	})
	return url
}
