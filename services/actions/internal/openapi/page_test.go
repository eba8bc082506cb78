package openapi

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/vegascore/vegascore/shared/problem"
)

func TestThePageShowsEverything(t *testing.T) {
	t.Parallel()
	text := string(Page())
	for _, op := range operations(document().tree) {
		id := words(op.object["operationId"])
		if !strings.Contains(text, `<article id="`+id+`">`) || !strings.Contains(text, `<a href="#`+id+`">`) {
			t.Errorf("%s %s is not on the page", op.method, op.path)
		}
	}
	for _, e := range problem.Catalogue() {
		if !strings.Contains(text, `id="problem-`+string(e.Code)+`"`) {
			t.Errorf("%s is not on the page", e.Code)
		}
	}
	if strings.Contains(text, "ZgotmplZ") || !strings.Contains(text, style) {
		t.Error("the style sheet did not come through")
	}
}

func TestThePageRunsNothing(t *testing.T) {
	t.Parallel()
	active := regexp.MustCompile(`(?i)<script|<iframe|<img|<link|\sstyle=|\son[a-z]+=|javascript:|src=|@import|url\(`)
	if found := active.FindString(string(Page())); found != "" {
		t.Errorf("the page has %q", found)
	}
	for _, lax := range []string{"unsafe", "'self'", "*", "http:", "data:"} {
		if strings.Contains(Policy(), lax) {
			t.Errorf("the policy allows %s", lax)
		}
	}
}

func TestTextsOfTheDocumentAreNoMarkup(t *testing.T) {
	t.Parallel()
	const evil = `<img src=x onerror=alert(1)>`
	page, err := render(object{
		"info": object{"title": evil, "summary": evil, "description": "## " + evil + "\n\n" + evil + " `" + evil + "`"},
		"tags": []any{object{"name": evil, "description": evil}},
		"paths": object{"/" + evil: object{"get": object{
			"operationId": evil, "tags": []any{evil}, "summary": evil, "description": evil,
			"parameters": []any{object{"name": evil, "in": evil, "description": evil, "example": evil, "schema": object{"const": evil}}},
			"responses":  object{"200": object{"description": evil, "content": object{evil: object{"example": evil, "schema": object{"const": evil}}}}},
		}}},
		"components": object{"schemas": object{evil: object{"const": evil}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(page, []byte("<img")) {
		t.Errorf("markup came through: %s", page)
	}
}

// See browsertest/docs.mjs. Its npm packages come with `make test`; with SHOTS set to a
// folder there are pictures in it.
func TestAPersonReadsThePage(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Security-Policy", Policy())
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write(Page())
	}))
	t.Cleanup(server.Close)
	if out, err := exec.CommandContext(t.Context(), "node", "browsertest/docs.mjs", server.URL+"/v1/docs", os.Getenv("SHOTS")).CombinedOutput(); err != nil {
		t.Errorf("docs.mjs: %v\n%s", err, out)
	}
}
