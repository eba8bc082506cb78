package terraform

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclparse"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

const (
	root   = "../../.." // the tests run in their folder
	folder = root + "/infra/terraform"
)

// A config is the files of the root module.
type config struct {
	blocks []block
}

// A block is one block with the text of its file.
type block struct {
	*hclsyntax.Block
	file string
	src  []byte
}

// load reads the root module as it is.
func load(t *testing.T) config {
	t.Helper()
	c, err := parse(texts(t))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// texts are the root module's files by name.
func texts(t *testing.T) map[string]string {
	t.Helper()
	names, err := filepath.Glob(folder + "/*.tf")
	if err != nil || len(names) < 15 {
		t.Fatalf("%s has %d files (%v): that cannot be all", folder, len(names), err)
	}
	files := make(map[string]string)
	for _, name := range names {
		files[filepath.Base(name)] = read(t, name)
	}
	return files
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// parse reads files into one config, in the order of their names.
func parse(files map[string]string) (config, error) {
	var c config
	parser := hclparse.NewParser()
	names := make([]string, 0, len(files))
	for name := range files {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		f, diags := parser.ParseHCL([]byte(files[name]), name)
		if diags.HasErrors() {
			return c, fmt.Errorf("parse %s: %w", name, diags)
		}
		for _, b := range f.Body.(*hclsyntax.Body).Blocks {
			c.blocks = append(c.blocks, block{b, name, f.Bytes})
		}
	}
	return c, nil
}

// resources are the resources whose type matches the expression as a whole.
func (c config) resources(kind string) []block {
	form := regexp.MustCompile("^(?:" + kind + ")$")
	var found []block
	for _, b := range c.blocks {
		if b.Type == "resource" && form.MatchString(b.Labels[0]) {
			found = append(found, b)
		}
	}
	return found
}

// name is how messages and references name the block.
func (b block) name() string {
	switch b.Type {
	case "resource":
		return strings.Join(b.Labels, ".")
	case "variable":
		return "var." + b.Labels[0]
	}
	return strings.Join(append([]string{b.Type}, b.Labels...), ".")
}

// at are the blocks at a path such as template.containers.
func (b block) at(path string) []block {
	here := []block{b}
	for kind := range strings.SplitSeq(path, ".") {
		var next []block
		for _, h := range here {
			for _, inner := range h.Body.Blocks {
				if inner.Type == kind {
					next = append(next, block{inner, b.file, b.src})
				}
			}
		}
		here = next
	}
	return here
}

// text is the source of an attribute in the first block at a path, or "" without one.
func (b block) text(path string) string {
	holder, name := b, path
	if i := strings.LastIndex(path, "."); i >= 0 {
		inner := b.at(path[:i])
		if len(inner) == 0 {
			return ""
		}
		holder, name = inner[0], path[i+1:]
	}
	attr := holder.Body.Attributes[name]
	if attr == nil {
		return ""
	}
	return strings.Join(strings.Fields(string(attr.Expr.Range().SliceBytes(b.src))), " ")
}

// all is the source of the whole block.
func (b block) all() string { return string(b.Range().SliceBytes(b.src)) }

// each calls f for every attribute, in inner blocks too, with the types of the blocks
// around it.
func (b block) each(f func(within []string, attr *hclsyntax.Attribute)) {
	var walk func(body *hclsyntax.Body, within []string)
	walk = func(body *hclsyntax.Body, within []string) {
		for _, attr := range body.Attributes {
			f(within, attr)
		}
		for _, inner := range body.Blocks {
			kind := inner.Type
			if kind == "dynamic" {
				kind = "dynamic " + inner.Labels[0]
			}
			walk(inner.Body, append(slices.Clone(within), kind))
		}
	}
	walk(b.Body, nil)
}

// literal is the value of an expression that depends on nothing, and whether it is one.
func literal(expr hcl.Expression) (cty.Value, bool) {
	v, diags := expr.Value(nil)
	return v, !diags.HasErrors() && v.IsWhollyKnown()
}
