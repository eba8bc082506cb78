package openapi

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// What the page shows of the document.

// group is the operations of a tag.
type group struct {
	Name, Description string
	Operations        []shownOperation
}

// shownOperation is an operation with what it refers to looked up.
type shownOperation struct {
	ID, Method, Path, Summary string
	Description               []block
	Token                     string // whose token it takes; "" for none
	Parameters                []parameter
	Body                      *content
	Responses                 []response
}

type parameter struct {
	Name, In, Description string
	Required              bool
	Schema                []piece
	Example               string
}

// content is one form of a body.
type content struct {
	MediaType string
	Schema    []piece
	Example   string
}

type response struct {
	Status, Description string
	Headers             []parameter
	Content             *content
	Codes               []string // of problems
}

// schema is one that others refer to.
type schema struct {
	Name string
	Text []piece
}

// block is a heading or a paragraph, its odd pieces set as code.
type block struct {
	Heading bool
	Spans   []string
}

// Code reports whether the span of that number is code.
func (block) Code(n int) bool { return n%2 == 1 }

// blocks reads the little Markdown that the document has: headings of the second level,
// paragraphs, and code between backquotes.
func blocks(text string) (all []block) {
	for part := range strings.SplitSeq(text, "\n\n") {
		heading, found := strings.CutPrefix(strings.TrimSpace(part), "## ")
		if heading != "" {
			all = append(all, block{found, strings.Split(heading, "`")})
		}
	}
	return all
}

// piece is a part of a schema's text, or the name of a schema that it refers to.
type piece struct{ Text, Ref string }

var reference = regexp.MustCompile(`#/components/schemas/([A-Za-z0-9]+)`)

// pieces is a value as indented JSON, its references apart.
func pieces(v any) (all []piece) {
	text := indented(v)
	for at := reference.FindStringSubmatchIndex(text); at != nil; at = reference.FindStringSubmatchIndex(text) {
		all = append(all, piece{Text: text[:at[0]]}, piece{Text: text[at[0]:at[1]], Ref: text[at[2]:at[3]]})
		text = text[at[1]:]
	}
	return append(all, piece{Text: text})
}

// indented is a value as JSON for people; "" for none.
func indented(v any) string {
	if v == nil {
		return ""
	}
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		return "" // cannot happen: it was read from JSON
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func schemas(doc object) (all []schema) {
	named := dig(doc, "components", "schemas")
	for _, name := range slices.Sorted(maps.Keys(named)) {
		all = append(all, schema{name, pieces(named[name])})
	}
	return all
}

func groups(doc object) (all []group) {
	tags, _ := doc["tags"].([]any)
	for _, v := range tags {
		tag, _ := v.(object)
		g := group{Name: words(tag["name"]), Description: words(tag["description"])}
		for _, op := range operations(doc) {
			if tags, _ := op.object["tags"].([]any); len(tags) > 0 && tags[0] == tag["name"] {
				g.Operations = append(g.Operations, show(doc, op))
			}
		}
		all = append(all, g)
	}
	return all
}

func show(doc object, op operation) shownOperation {
	s := shownOperation{
		ID: words(op.object["operationId"]), Method: strings.ToUpper(op.method), Path: op.path, Summary: words(op.object["summary"]),
		Description: blocks(words(op.object["description"])),
	}
	security, _ := op.object["security"].([]any)
	for _, v := range security {
		for name := range v.(object) {
			s.Token = name
		}
	}
	listed, _ := op.object["parameters"].([]any)
	for _, v := range listed {
		s.Parameters = append(s.Parameters, asParameter(resolve(doc, v)))
	}
	s.Body = asContent(dig(op.object, "requestBody"))
	responses := dig(op.object, "responses")
	for _, status := range slices.Sorted(maps.Keys(responses)) {
		s.Responses = append(s.Responses, asResponse(doc, status, dig(responses, status)))
	}
	return s
}

// resolve is what a value refers to, or itself.
func resolve(doc object, v any) object {
	o, _ := v.(object)
	if ref, ok := o["$ref"].(string); ok {
		return dig(doc, strings.Split(strings.TrimPrefix(ref, "#/"), "/")...)
	}
	return o
}

func asParameter(o object) parameter {
	required, _ := o["required"].(bool)
	p := parameter{Name: words(o["name"]), In: words(o["in"]), Description: words(o["description"]), Required: required, Schema: pieces(o["schema"])}
	if example, ok := o["example"].(string); ok {
		p.Example = example
	} else {
		p.Example = indented(o["example"])
	}
	return p
}

func asContent(o object) *content {
	for mediaType, v := range dig(o, "content") { // there is one
		form, _ := v.(object)
		return &content{mediaType, pieces(form["schema"]), indented(form["example"])}
	}
	return nil
}

func asResponse(doc object, status string, o object) response {
	r := response{Status: status, Description: words(o["description"]), Content: asContent(o)}
	headers := dig(o, "headers")
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		h := asParameter(resolve(doc, headers[name]))
		h.Name = name
		r.Headers = append(r.Headers, h)
	}
	codes, _ := dig(o, "content", "application/problem+json", "schema", "properties", "code")["enum"].([]any)
	for _, code := range codes {
		r.Codes = append(r.Codes, words(code))
	}
	return r
}
