package load

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTheContainersOfTheLocalStackAreFound(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"lock":       "process 7, http://localhost:8080\n",
		"ports.json": `{"actions internal":1,"realtime-1":2,"realtime-2 internal":4,"realtime-1 internal":3}`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{"http://127.0.0.1:3/metrics", "http://127.0.0.1:4/metrics"}
	for address, want := range map[string][]string{
		"http://localhost:8080": want, "http://127.0.0.1:8080/": want,
		"http://localhost:8081": nil, "https://vegascore.example:8080": nil,
	} {
		if diff := cmp.Diff(want, LocalMetrics(dir, address)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", address, diff)
		}
	}
	if got := LocalMetrics(t.TempDir(), "http://localhost:8080"); got != nil {
		t.Errorf("without a stack: %v", got)
	}
}
