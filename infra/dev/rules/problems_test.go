package rules

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/vegascore/vegascore/shared/problem"
)

const problems = prefix + "shared/problem"

// codes are the constants of shared/problem, by name.
func codes(t *testing.T) map[string]problem.Code {
	t.Helper()
	const name = "shared/problem/code.go"
	file, err := parser.ParseFile(token.NewFileSet(), name, read(t, name), 0)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]problem.Code{}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Values) != len(spec.Names) {
			return true
		}
		for i, value := range spec.Values {
			if text, ok := literal(value); ok {
				found[spec.Names[i].Name] = problem.Code(text)
			}
		}
		return true
	})
	return found
}

func literal(e ast.Expr) (string, bool) {
	lit, ok := e.(*ast.BasicLit)
	if !ok || lit.Kind != token.STRING {
		return "", false
	}
	text, err := strconv.Unquote(lit.Value)
	return text, err == nil
}

// uses adds to used the names that a file takes from shared/problem, and to free the
// codes that it makes up by problem.Code("...").
func uses(file *ast.File, used map[string]bool, free map[string]bool) {
	local := ""
	for _, imported := range file.Imports {
		if path, ok := literal(imported.Path); ok && path == problems {
			local = "problem"
			if imported.Name != nil {
				local = imported.Name.Name
			}
		}
	}
	selected := func(e ast.Expr) (string, bool) {
		s, ok := e.(*ast.SelectorExpr)
		if !ok {
			return "", false
		}
		x, ok := s.X.(*ast.Ident)
		return s.Sel.Name, ok && x.Name == local
	}
	ast.Inspect(file, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok {
			name, ours := selected(call.Fun)
			for i, arg := range call.Args {
				made := ours && (name == "Code" || name == "Of" && i == 0 || name == "New" && i == 1)
				if text, ok := literal(arg); ok && made {
					free[text] = true
				}
			}
		}
		if e, ok := n.(ast.Expr); ok {
			if name, ours := selected(e); ours {
				used[name] = true
			}
		}
		return true
	})
}

func TestTheCatalogueOfProblemsHasTheCodesInUse(t *testing.T) {
	t.Parallel()
	listed := map[problem.Code]bool{}
	for _, e := range problem.Catalogue() {
		listed[e.Code] = true
	}
	constants := codes(t)
	for name, code := range constants {
		if !listed[code] {
			t.Errorf("problem.%s (%s) is not in the table: say what it means and what to do", name, code)
		}
	}
	if named := slices.Collect(maps.Values(constants)); len(named) != len(listed) {
		t.Errorf("%d constants, %d entries", len(named), len(listed))
	}

	used, free := map[string]bool{}, map[string]bool{}
	for _, name := range sources(t, ".go") {
		text := read(t, name)
		if strings.HasSuffix(name, "_test.go") || text == nil {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, text, 0)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(name, "shared/problem/") {
			if !strings.HasSuffix(name, "/code.go") && !strings.HasSuffix(name, "/table.go") {
				own(file, constants, used)
			}
			continue
		}
		uses(file, used, free)
	}
	for name, code := range constants {
		if !used[name] {
			t.Errorf("nothing answers with problem.%s (%s): take it out of the catalogue", name, code)
		}
	}
	for code := range free {
		if !listed[problem.Code(code)] {
			t.Errorf("code %q is used and not in the catalogue", code)
		}
	}
}

// own marks the constants that shared/problem itself answers with.
func own(file *ast.File, constants map[string]problem.Code, used map[string]bool) {
	ast.Inspect(file, func(n ast.Node) bool {
		if x, ok := n.(*ast.Ident); ok {
			if _, ok := constants[x.Name]; ok {
				used[x.Name] = true
			}
		}
		return true
	})
}
