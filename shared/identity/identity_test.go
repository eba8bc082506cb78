package identity

import (
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// metadata is Google's metadata server as far as it gives identity tokens, and who asked.
func metadata(t *testing.T) (asked *[]string) {
	t.Helper()
	asked = &[]string{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Metadata-Flavor", "Google")
		if !strings.HasSuffix(r.URL.Path, "/identity") {
			fmt.Fprint(w, "vegascore-test")
			return
		}
		audience := r.URL.Query().Get("audience")
		*asked = append(*asked, audience)
		part := func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }
		fmt.Fprintf(w, "%s.%s.%s", part(`{"alg":"RS256"}`), part(fmt.Sprintf(`{"aud":%q,"exp":%d}`, audience, time.Now().Add(time.Hour).Unix())), part("signature"))
	}))
	t.Cleanup(server.Close)
	t.Setenv("GCE_METADATA_HOST", strings.TrimPrefix(server.URL, "http://"))
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", "")
	t.Setenv("HOME", t.TempDir()) // no credentials of whoever runs the test
	return asked
}

func TestEachHostGetsATokenOfItsOwn(t *testing.T) {
	asked := metadata(t)
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		parts := strings.Split(text, ".")
		if !ok || len(parts) != 3 {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		claims, err := base64.RawURLEncoding.DecodeString(parts[1])
		if err != nil {
			t.Error(err)
		}
		fmt.Fprintf(w, "%s", claims)
	}))
	defer service.Close()
	client := &http.Client{Transport: New(http.DefaultTransport)}
	defer client.CloseIdleConnections()
	for range 2 {
		answer, err := client.Get(service.URL)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(answer.Body)
		_ = answer.Body.Close()
		want := `"aud":"https://` + strings.TrimPrefix(service.URL, "http://") + `"`
		if err != nil || answer.StatusCode != http.StatusOK || !strings.Contains(string(body), want) {
			t.Errorf("answer %d %s, %v; want %s", answer.StatusCode, body, err, want)
		}
	}
	if len(*asked) != 1 {
		t.Errorf("tokens asked for: %v; want one, kept", *asked)
	}
}

func TestWithoutATokenNothingIsSent(t *testing.T) {
	metadata(t)
	t.Setenv("GCE_METADATA_HOST", "127.0.0.1:1") // nobody listens
	service := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("it was asked") }))
	defer service.Close()
	client := &http.Client{Transport: New(http.DefaultTransport)}
	answer, err := client.Get(service.URL)
	if err == nil || !strings.Contains(err.Error(), "identity token") {
		t.Errorf("error = %v", err)
	}
	if answer != nil {
		_ = answer.Body.Close()
	}
}
