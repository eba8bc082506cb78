package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/vegascore/vegascore/shared/web"
)

// badMembers leaves out each member that must be there, and puts one too many into each
// object inside the body.
func (r route) badMembers(add adder) {
	schema := r.op.RequestBody.Value.Content["application/json"].Schema.Value
	for _, name := range slices.Sorted(maps.Keys(r.body)) {
		if required(schema, name) {
			less := r
			less.body = maps.Clone(r.body)
			delete(less.body, name)
			add("", "no "+name, r.request(r.path, less.good()))
		}
		before, inside, _ := strings.Cut(string(r.body[name]), "{")
		first, _, found := strings.Cut(inside, ":")
		if !found {
			continue
		}
		for code, more := range map[string]string{"unknown_field": `"note":1,`, "duplicate_field": first + ":0,"} {
			add(code, code+" in "+name, r.request(r.path, r.changed(name, name, json.RawMessage(before+"{"+more+inside))))
		}
	}
}

// required says whether a schema wants a member in each of its forms.
func required(s *openapi3.Schema, name string) bool {
	wants := func(s *openapi3.SchemaRef) bool { return required(s.Value, name) }
	every := func(forms openapi3.SchemaRefs) bool {
		return len(forms) > 0 && !slices.ContainsFunc(forms, func(s *openapi3.SchemaRef) bool { return !wants(s) })
	}
	return slices.Contains(s.Required, name) || slices.ContainsFunc(s.AllOf, wants) || every(s.OneOf) || every(s.AnyOf)
}

// badSizes is one more than a body may have, of bytes and of levels.
func (r route) badSizes(add adder) {
	good := r.good()
	over := strings.Repeat(" ", web.MaxBody+1-len(good)) + good
	add("body_too_large", "one byte too many", r.request(r.path, over))
	add("body_too_large", "one byte too many in a chunk", r.request(r.path, fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(over), over),
		"Content-Length", "-", "Transfer-Encoding", "chunked"))
	nested := func(levels int) string { // the body is the first
		before := strings.TrimSuffix(good, "}")
		if before != "{" {
			before += ","
		}
		return before + `"note":` + strings.Repeat("[", levels-1) + strings.Repeat("]", levels-1) + "}"
	}
	add("too_deep", "33 levels", r.request(r.path, nested(33)))
	add("unknown_field", "32 levels", r.request(r.path, nested(32)))
}
