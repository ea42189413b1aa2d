package gongular_test

import (
	"go/ast"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/gongular/gongular"

// goFiles lists the Go files of a folder, without those below it.
func goFiles(t testing.TB, dir string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

// folders lists the folders of the module that have Go files, nested modules left out.
func folders(t testing.TB) []string {
	t.Helper()
	var dirs []string
	err := filepath.WalkDir(".", func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		if name := d.Name(); path != "." && (strings.HasPrefix(name, ".") || name == "testdata") {
			return filepath.SkipDir
		}
		if _, err := os.Stat(filepath.Join(path, "go.mod")); err == nil && path != "." {
			return filepath.SkipDir
		}
		if len(goFiles(t, path)) > 0 {
			dirs = append(dirs, filepath.ToSlash(path))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return dirs
}

// Imports point down: what builds on the root, the root, then the floor, whose
// packages know neither the root nor each other. Package middleware is for any
// server, and imports none of them. Production code has nothing
// but the standard library, and golang.org/x/net/websocket in ws; and unsafe in
// one place.
func TestImportsPointDown(t *testing.T) {
	floor := map[string]bool{"bind": true, "inject": true, "validate": true, "ws": true, "stats": true}
	for _, dir := range folders(t) {
		for _, file := range sources(t, dir) {
			for _, spec := range file.Imports {
				path, err := strconv.Unquote(spec.Path.Value)
				if err != nil {
					t.Fatal(err)
				}
				inside, isOurs := strings.CutPrefix(path, module)
				inside = strings.TrimPrefix(inside, "/")
				first, _, _ := strings.Cut(path, "/")
				switch {
				case path == "unsafe" && dir != "internal/direct":
					t.Errorf("%s imports unsafe, which is package internal/direct's alone", dir)
				case !isOurs && !strings.Contains(first, "."):
				case !isOurs && (path != "golang.org/x/net/websocket" || dir != "ws"):
					t.Errorf("%s imports %s", dir, path)
				case !isOurs:
				case floor[dir] && !strings.HasPrefix(inside, "internal/"):
					t.Errorf("%s imports %s: the floor knows neither the root nor its siblings", dir, path)
				case dir == "middleware" && !strings.HasPrefix(inside, "internal/"):
					t.Errorf("%s imports %s: it is for any server", dir, path)
				case dir == "." && !floor[inside] && !strings.HasPrefix(inside, "internal/"):
					t.Errorf("the root imports %s, which is above it", path)
				case strings.HasPrefix(dir, "internal/") && !strings.HasPrefix(inside, "internal/"):
					t.Errorf("%s imports %s", dir, path)
				}
			}
		}
	}
}

// The module requires golang.org/x/net and nothing else.
func TestRequirements(t *testing.T) {
	mod, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(mod)) {
		fields := strings.Fields(strings.TrimPrefix(strings.TrimSpace(line), "require "))
		if len(fields) < 2 || !strings.Contains(fields[0], ".") || fields[0] == "module" {
			continue
		}
		if fields[0] != "golang.org/x/net" {
			t.Errorf("go.mod requires %s", fields[0])
		}
	}
}

// Each package has one package comment, and every exported identifier a doc comment.
func TestDocumentation(t *testing.T) {
	for _, dir := range folders(t) {
		comments := 0
		files := sources(t, dir)
		for _, file := range files {
			if file.Doc != nil {
				comments++
			}
			if file.Name.Name == "main" {
				continue
			}
			for _, decl := range file.Decls {
				checkDoc(t, dir, decl)
			}
		}
		if comments != 1 && len(files) > 0 {
			t.Errorf("%s has %d package comments", dir, comments)
		}
	}
}

func checkDoc(t *testing.T, dir string, decl ast.Decl) {
	switch d := decl.(type) {
	case *ast.FuncDecl:
		if d.Name.IsExported() && d.Doc == nil && (d.Recv == nil || exportedReceiver(d.Recv)) {
			t.Errorf("%s: %s has no doc comment", dir, d.Name.Name)
		}
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch s := spec.(type) {
			case *ast.TypeSpec:
				if s.Name.IsExported() && s.Doc == nil && d.Doc == nil {
					t.Errorf("%s: %s has no doc comment", dir, s.Name.Name)
				}
			case *ast.ValueSpec:
				for _, name := range s.Names {
					if name.IsExported() && s.Doc == nil && d.Doc == nil && s.Comment == nil {
						t.Errorf("%s: %s has no doc comment", dir, name.Name)
					}
				}
			}
		}
	}
}

func exportedReceiver(recv *ast.FieldList) bool {
	typ := recv.List[0].Type
	for {
		switch x := typ.(type) {
		case *ast.StarExpr:
			typ = x.X
		case *ast.IndexExpr:
			typ = x.X
		case *ast.IndexListExpr:
			typ = x.X
		case *ast.Ident:
			return x.IsExported()
		default:
			return false
		}
	}
}
