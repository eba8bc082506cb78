package openapi

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/vegascore/vegascore/services/actions/internal/games"
	"github.com/vegascore/vegascore/shared/fair"
)

func load(t *testing.T) *openapi3.T {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData(Document())
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// Valid as OpenAPI 3.1, its examples as what they are examples of.
func TestTheDocumentIsValid(t *testing.T) {
	t.Parallel()
	if err := load(t).Validate(t.Context(), openapi3.EnableExamplesValidation(), openapi3.EnableSchemaFormatValidation()); err != nil {
		t.Error(err)
	}
}

func TestEveryOperationIsExplained(t *testing.T) {
	t.Parallel()
	tags := map[string]bool{}
	for _, tag := range load(t).Tags {
		tags[tag.Name] = tag.Description != ""
	}
	ids := map[string]bool{}
	for path, item := range load(t).Paths.Map() {
		for method, op := range item.Operations() {
			if op.Summary == "" || op.OperationID == "" || ids[op.OperationID] || len(op.Tags) != 1 || !tags[op.Tags[0]] || op.Security == nil {
				t.Errorf("%s %s: wants a summary, an operationId of its own, one known tag and a security", method, path)
			}
			ids[op.OperationID] = true
			if op.RequestBody != nil && op.RequestBody.Value.Content["application/json"].Example == nil {
				t.Errorf("%s %s: wants an example of its body", method, path)
			}
		}
	}
}

// Validators disagree about other keywords beside a reference.
func TestReferencesStandAlone(t *testing.T) {
	t.Parallel()
	var walk func(at string, v any)
	walk = func(at string, v any) {
		switch v := v.(type) {
		case object:
			if _, ok := v["$ref"]; ok {
				for key := range v {
					if key != "$ref" && key != "description" {
						t.Errorf("%s: %s beside a $ref; put the reference into allOf", at, key)
					}
				}
			}
			for key, inner := range v {
				walk(at+"/"+key, inner)
			}
		case []any:
			for _, inner := range v {
				walk(at+"/-", inner)
			}
		}
	}
	var tree any
	if err := json.Unmarshal(Document(), &tree); err != nil {
		t.Fatal(err)
	}
	walk("", tree)
}

// A game that is added without its part is found here, and so is a part that its game
// does not fit.
func TestGamesAreDescribed(t *testing.T) {
	t.Parallel()
	schemas := load(t).Components.Schemas
	fits := func(name string, text []byte) {
		t.Helper()
		var v any
		if err := json.Unmarshal(text, &v); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		s := schemas[name]
		if s == nil {
			t.Errorf("no schema %s", name)
		} else if err := s.Value.VisitJSON(v, openapi3.EnableJSONSchema2020()); err != nil {
			t.Errorf("%s is no %s: %v", text, name, err)
		}
	}
	var listed []string
	for _, v := range schemas["Game"].Value.Enum {
		listed = append(listed, v.(string))
	}
	if !slices.Equal(listed, games.Names()) {
		t.Fatalf("described games: %v; there are %v", listed, games.Names())
	}
	for _, name := range games.Names() {
		title := strings.ToUpper(name[:1]) + name[1:]
		params := schemas[title+"Params"]
		if params == nil || len(params.Value.Examples) == 0 {
			t.Errorf("%s: params without an example", name)
			continue
		}
		example, err := json.Marshal(params.Value.Examples[0])
		if err != nil {
			t.Fatal(err)
		}
		game, err := games.Find(name)
		if err != nil {
			t.Fatal(err)
		}
		move, err := game.Read(example)
		if err != nil {
			t.Errorf("%s refuses the example %s: %v", name, example, err)
			continue
		}
		fits(title+"Params", move.Params)
		what := title + "Outcome"
		if game.Steps && !game.Shared {
			what = title + "View"
		}
		if action := schemas[title+"Action"]; action != nil {
			for _, example := range action.Value.Examples {
				text, err := json.Marshal(example)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := game.Wish(text); err != nil {
					t.Errorf("%s refuses the example %s: %v", name, text, err)
				}
			}
		}
		for nonce := range uint64(40) {
			draws := fair.NewStream(strings.Repeat("0f", 32), "client", nonce)
			round, err := move.Open(draws)
			for err == nil {
				fits(what, round.View)
				action, ok, failed := round.Idle()
				if !ok || failed != nil {
					break
				}
				if schemas[title+"Action"] != nil && !game.Timed() { // what the table itself does then is not for players
					fits(title+"Action", action.Text)
				}
				round, err = round.Act(action, draws)
			}
			if err != nil {
				t.Fatalf("%s, nonce %d: %v", name, nonce, err)
			}
		}
	}
}

func TestPartsThatDoNotFitAreRefused(t *testing.T) {
	t.Parallel()
	const base = `{"info":{},"components":{"schemas":{}},"games":{"dice":{"params":{},"outcome":{}}},"paths":{"/a":{"get":{"operationId":"a","responses":{"200":{}}}}}}`
	for what, part := range map[string]string{
		"a path twice":        `{"paths":{"/a":{"get":{"operationId":"a","responses":{"200":{}}}}}}`,
		"no JSON":             `{`,
		"an unknown code":     `{"paths":{"/b":{"get":{"x-problems":["no_such_code"],"responses":{}}}}}`,
		"a response by hand":  `{"paths":{"/b":{"get":{"x-problems":["not_found"],"responses":{"404":{}}}}}}`,
		"a game of no params": `{"games":{"faro":{"outcome":{}}}}`,
		"a game of nothing":   `{"games":{"faro":{"params":{}}}}`,
		"a schema twice":      `{"components":{"schemas":{"DiceParams":{}}}}`,
	} {
		files := fstest.MapFS{"parts/a.json": {Data: []byte(base)}, "parts/b.json": {Data: []byte(part)}}
		if _, err := assemble(files, ""); err == nil {
			t.Errorf("%s: no error", what)
		}
	}
	if _, err := assemble(fstest.MapFS{"parts/a.json": {Data: []byte(base)}}, "x"); err != nil {
		t.Errorf("the base alone: %v", err)
	}
}

// A validator can make nothing of a parameter whose text may be of any type.
func TestParametersHaveATypeOfTheirOwn(t *testing.T) {
	t.Parallel()
	for path, item := range load(t).Paths.Map() {
		for method, op := range item.Operations() {
			for _, p := range op.Parameters {
				if s := p.Value.Schema; s == nil || s.Value.Type == nil || len(*s.Value.Type) != 1 {
					t.Errorf("%s %s: %s wants one type", method, path, p.Value.Name)
				}
			}
		}
	}
}
