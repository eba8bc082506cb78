package terraform

import (
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// references: everything that is named exists, and every variable is used. Terraform says
// the same, but only where the provider can be had.
func references(c config) (wrong []string) {
	declared, used := declarations(c), make(map[string]bool)
	for _, b := range c.blocks {
		iterators := []string{"each", "path", "self", "terraform", "count"}
		b.each(func(within []string, attr *hclsyntax.Attribute) {
			for _, kind := range within {
				if name, ok := strings.CutPrefix(kind, "dynamic "); ok && !slices.Contains(iterators, name) {
					iterators = append(iterators, name)
				}
			}
		})
		b.each(func(within []string, attr *hclsyntax.Attribute) {
			if slices.Contains(within, "lifecycle") || b.Type == "variable" && attr.Name == "type" { // names of other things
				return
			}
			for _, traversal := range hclsyntax.Variables(attr.Expr) {
				name := address(traversal)
				if slices.Contains(iterators, traversal.RootName()) {
					continue
				}
				used[name] = used[name] || b.name() != name
				if !declared[name] {
					wrong = append(wrong, b.name()+": "+name+" does not exist")
				}
			}
		})
	}
	for name := range declared {
		if strings.HasPrefix(name, "var.") && !used[name] {
			wrong = append(wrong, name+": is not used")
		}
	}
	return wrong
}

// declarations are the addresses of all that a config declares; a name that is declared
// twice is refused by Terraform's own parser.
func declarations(c config) map[string]bool {
	declared := make(map[string]bool)
	for _, b := range c.blocks {
		if b.Type != "locals" {
			declared[b.name()] = true
			continue
		}
		for name := range b.Body.Attributes {
			declared["local."+name] = true
		}
	}
	return declared
}

// address is the declared thing that a traversal begins with: a.b, or data.a.b.
func address(traversal hcl.Traversal) string {
	length := 2
	if root := traversal.RootName(); root == "data" || root == "ephemeral" {
		length = 3
	}
	parts := []string{traversal.RootName()}
	for _, step := range traversal[1:] {
		attr, ok := step.(hcl.TraverseAttr)
		if !ok || len(parts) == length {
			break
		}
		parts = append(parts, attr.Name)
	}
	return strings.Join(parts, ".")
}
