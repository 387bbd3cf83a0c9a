package config

import (
	_ "embed"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"strings"
)

// settingsSource is this package's own settings.go: the comments in it are the manual, so the two cannot differ.
//
//go:embed settings.go
var settingsSource string

// manual gives the comment of every setting, by "Struct.Field".
func manual() (map[string]string, error) {
	file, err := parser.ParseFile(token.NewFileSet(), "settings.go", settingsSource, parser.ParseComments)
	if err != nil {
		return nil, fmt.Errorf("config: the manual: %w", err)
	}
	texts := map[string]string{}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.TypeSpec)
		if !ok {
			return true
		}
		if structure, ok := spec.Type.(*ast.StructType); ok {
			for _, field := range structure.Fields.List {
				for _, name := range field.Names {
					texts[spec.Name.Name+"."+name.Name] = strings.TrimSpace(field.Doc.Text())
				}
			}
		}
		return false
	})
	return texts, nil
}
