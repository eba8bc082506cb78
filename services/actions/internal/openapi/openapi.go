// Package openapi is the description of what this service answers over HTTP: an OpenAPI
// 3.1 document, and a page to read it.
//
// The document is put together from the files in parts/, one for each group of paths,
// which name only what is special about them:
//
//   - Paths and components of all files are merged. Nothing may be there twice.
//   - An operation lists its codes of problems in "x-problems"; the responses for them are
//     made from the catalogue of package problem. Codes that come with a body, with a token,
//     or with any request need no mention. "x-probe" marks what answers without problems.
//   - A game has a file in parts/games with the schemas of its params, actions, and its
//     outcome; one of steps has a view instead, which at the end is the outcome. One of
//     shared tables says so: the view of a bet is its params. From them come the schemas of bets, actions and rounds.
//
// The tests of the service hold each of its answers against the document, and compare its
// paths with those that are served: who adds one is told to describe it.
package openapi

import (
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"
)

//go:embed parts
var parts embed.FS

//go:embed intro.md
var intro string

// object is a JSON object.
type object = map[string]any

// Document returns the document in JSON, the same bytes each time. It must not be changed.
func Document() []byte { return document().text }

// built is the document in both forms.
type built struct {
	tree object
	text []byte
}

// document is put together on first use. A mistake in the parts is one in this binary,
// which any test finds.
var document = sync.OnceValue(func() built {
	tree, err := assemble(parts, intro)
	if err != nil {
		panic(fmt.Sprintf("openapi: %v", err))
	}
	text, err := json.Marshal(tree)
	if err != nil {
		panic(fmt.Sprintf("openapi: %v", err))
	}
	return built{tree, text}
})

// assemble makes the document of the parts.
func assemble(files fs.FS, introduction string) (object, error) {
	doc := object{}
	err := fs.WalkDir(files, "parts", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || path.Ext(name) != ".json" {
			return err
		}
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		var part object
		if err := json.Unmarshal(text, &part); err != nil {
			return fmt.Errorf("read %s: %w", name, err)
		}
		if err := merge(doc, part, ""); err != nil {
			return fmt.Errorf("add %s: %w", name, err)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	info, ok := doc["info"].(object)
	if !ok {
		return nil, errors.New("no info")
	}
	info["description"] = strings.TrimSpace(introduction)
	if err := addGames(doc); err != nil {
		return nil, err
	}
	return doc, addProblems(doc)
}

// merge adds the entries of part to doc; objects are merged in their turn.
func merge(doc, part object, at string) error {
	for _, key := range slices.Sorted(maps.Keys(part)) {
		place := at + "/" + key
		old, there := doc[key]
		if !there {
			doc[key] = part[key]
			continue
		}
		into, ok := old.(object)
		from, ok2 := part[key].(object)
		if !ok || !ok2 {
			return fmt.Errorf("%s is there twice", place)
		}
		if err := merge(into, from, place); err != nil {
			return err
		}
	}
	return nil
}

// dig returns the object under the keys, or nil.
func dig(o object, keys ...string) object {
	for _, key := range keys {
		next, ok := o[key].(object)
		if !ok {
			return nil
		}
		o = next
	}
	return o
}

// operation is one method of one path.
type operation struct {
	path, method string
	object
}

// operations are all operations of the document, by path and method.
func operations(doc object) (all []operation) {
	paths := dig(doc, "paths")
	for _, where := range slices.Sorted(maps.Keys(paths)) {
		methods := dig(paths, where)
		for _, method := range slices.Sorted(maps.Keys(methods)) {
			all = append(all, operation{where, method, dig(methods, method)})
		}
	}
	return all
}
