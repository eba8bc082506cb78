package openapi

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"sync"

	"github.com/vegascore/vegascore/shared/problem"
)

//go:embed page.html
var markup string

//go:embed page.css
var style string

// Policy is the Content-Security-Policy under which the page works in full: its own
// style sheet, by hash, and nothing else. It has no scripts and loads nothing.
func Policy() string {
	sum := sha256.Sum256([]byte(style))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
		"'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}

// Page returns the document as a page of HTML, the same bytes each time. It must not be
// changed.
func Page() []byte { return page() }

var page = sync.OnceValue(func() []byte {
	text, err := render(document().tree)
	if err != nil {
		panic(fmt.Sprintf("openapi: %v", err))
	}
	return text
})

// render makes the page of a document.
func render(doc object) ([]byte, error) {
	info := dig(doc, "info")
	shown := struct {
		Style    template.CSS
		Title    any
		Summary  any
		Intro    []block
		Groups   []group
		Problems []problem.Entry
		Schemas  []schema
	}{
		Style: template.CSS(style), Title: info["title"], Summary: info["summary"], Intro: blocks(words(info["description"])),
		Groups: groups(doc), Problems: problem.Catalogue(), Schemas: schemas(doc),
	}
	t, err := template.New("page").Parse(markup)
	if err != nil {
		return nil, fmt.Errorf("read the page's template: %w", err)
	}
	var out bytes.Buffer
	if err := t.Execute(&out, shown); err != nil {
		return nil, fmt.Errorf("render the page: %w", err)
	}
	return out.Bytes(), nil
}

// words is a text of the document; "" when there is none.
func words(v any) string {
	text, _ := v.(string)
	return text
}
