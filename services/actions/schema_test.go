package main

import (
	"bytes"
	"fmt"
	"mime"
	"strings"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/vegascore/vegascore/services/actions/internal/openapi"
)

// schemas are the schemas of bodies in the description, compiled once: a test may have
// hundreds of bodies.
var schemas = struct {
	mu       sync.Mutex
	compiler *jsonschema.Compiler
	compiled map[string]*jsonschema.Schema
}{compiled: map[string]*jsonschema.Schema{}}

// schemaAt is the schema at a place of the description, by the keys that lead there.
func schemaAt(keys ...string) (*jsonschema.Schema, error) {
	const base = "openapi.json"
	pointer := base + "#"
	for _, key := range keys {
		pointer += "/" + strings.NewReplacer("~", "~0", "/", "~1", "{", "%7B", "}", "%7D").Replace(key)
	}
	schemas.mu.Lock()
	defer schemas.mu.Unlock()
	if s := schemas.compiled[pointer]; s != nil {
		return s, nil
	}
	if schemas.compiler == nil {
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(openapi.Document()))
		if err != nil {
			return nil, err
		}
		c := jsonschema.NewCompiler()
		c.DefaultDraft(jsonschema.Draft2020)
		c.AssertFormat()
		if err := c.AddResource(base, doc); err != nil {
			return nil, err
		}
		schemas.compiler = c
	}
	s, err := schemas.compiler.Compile(pointer)
	if err != nil {
		return nil, err
	}
	schemas.compiled[pointer] = s
	return s, nil
}

// fits checks a body against the forms that it may have; at leads to the object that has
// them in its content.
func fits(contents openapi3.Content, mediaType, body string, at ...string) error {
	if len(contents) == 0 {
		if body != "" {
			return fmt.Errorf("body of %d bytes; none is described", len(body))
		}
		return nil
	}
	media, _, err := mime.ParseMediaType(mediaType)
	if err != nil {
		return fmt.Errorf("content type %q: %w", mediaType, err)
	}
	if contents[media] == nil {
		return fmt.Errorf("content type %s is not described", media)
	}
	s, err := schemaAt(append(at, "content", media, "schema")...)
	if err != nil {
		return err
	}
	var value any = body
	if strings.HasSuffix(media, "json") {
		if value, err = jsonschema.UnmarshalJSON(strings.NewReader(body)); err != nil {
			return err
		}
	}
	return s.Validate(value)
}
