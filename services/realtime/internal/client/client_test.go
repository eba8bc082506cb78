package client

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"testing"

	"github.com/vegascore/vegascore/services/realtime/testclient"
)

func TestScriptIsThatOfTheNpmPackage(t *testing.T) {
	t.Parallel()
	testclient.Install(t)
	want, err := os.ReadFile("../../testclient/node_modules/socket.io-client/dist/socket.io.min.js")
	if err != nil {
		t.Fatal(err)
	}
	want = regexp.MustCompile(`//# sourceMappingURL=.*`).ReplaceAll(want, nil)
	if !bytes.Equal(bytes.TrimSpace(script), bytes.TrimSpace(want)) {
		t.Error("socket.io.min.js differs from the installed socket.io-client: copy it again")
	}
}

func TestABrowserThatHasTheScriptGets304(t *testing.T) {
	t.Parallel()
	first := httptest.NewRecorder()
	Handler().ServeHTTP(first, httptest.NewRequest(http.MethodGet, "/socket.io/socket.io.js", nil))
	if first.Code != http.StatusOK || first.Body.Len() != len(script) {
		t.Fatalf("got %d with %d bytes, want 200 with %d", first.Code, first.Body.Len(), len(script))
	}
	again := httptest.NewRequest(http.MethodGet, "/socket.io/socket.io.js", nil)
	again.Header.Set("If-None-Match", first.Header().Get("ETag"))
	second := httptest.NewRecorder()
	Handler().ServeHTTP(second, again)
	if second.Code != http.StatusNotModified || second.Body.Len() != 0 {
		t.Errorf("got %d with %d bytes, want 304 without a body", second.Code, second.Body.Len())
	}
}
