package tenon_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/tenon-auth/tenon"

// The libraries, by the short names that the tables below use for them.
var libraries = map[string]string{
	"bbolt":   "go.etcd.io/bbolt",
	"go-jose": "github.com/go-jose/go-jose/v4",
	"mux":     "github.com/gorilla/mux",
	"uuid":    "github.com/google/uuid",
	"x/mod":   "golang.org/x/mod",
	"x/sync":  "golang.org/x/sync",
	"x/time":  "golang.org/x/time",
	"oauth2":  "golang.org/x/oauth2",
	"cmp":     "github.com/google/go-cmp",

	"webauthn":   "github.com/go-webauthn/webauthn",
	"otp":        "github.com/pquerna/otp",
	"jsonschema": "github.com/santhosh-tekuri/jsonschema/v6",
	"x/crypto":   "golang.org/x/crypto",
	"x/text":     "golang.org/x/text",
}

// mayImport is the architecture: what each package may import besides the standard library. Imports go one way, and whoever
// embeds verifier or client drags in neither a database nor a router nor a metrics library.
var mayImport = map[string][]string{
	"":                         {"internal/strictjson"},
	"internal/strictjson":      {},
	"internal/durable":         {},
	"internal/purposekey":      {},
	"certs":                    {"internal/durable"},
	"mtls":                     {},
	"dpop":                     {"", "internal/strictjson", "internal/durable"},
	"store":                    {},
	"store/storetest":          {"store", "cmp"},
	"store/bolt":               {"store", "dpop", "bbolt"},
	"audit":                    {"", "store", "internal/strictjson", "internal/durable", "x/mod", "x/sync"},
	"verifier":                 {"", "dpop", "mtls", "internal/strictjson", "go-jose", "x/sync"},
	"verifier/verifiertest":    {"", "dpop", "mtls", "certs", "verifier", "go-jose"},
	"verifier/verifierlog":     {"", "verifier", "audit"},
	"issuer":                   {"", "dpop", "mtls", "store", "audit", "verifier", "issuer/browser", "issuer/people", "issuer/rar", "issuer/ui", "internal/strictjson", "internal/durable", "go-jose", "mux", "uuid", "x/time", "x/sync"},
	"issuer/browser":           {"", "store", "issuer/people", "issuer/rar", "issuer/ui", "internal/purposekey"},
	"issuer/people":            {"store", "internal/purposekey", "uuid", "webauthn", "otp", "x/crypto", "x/text"},
	"issuer/people/peopletest": {"issuer/people", "otp"},
	"issuer/rar":               {"", "internal/strictjson", "jsonschema", "x/text"},
	"issuer/ui":                {"x/text"},
	"client":                   {"", "dpop", "mtls", "internal/strictjson", "go-jose", "oauth2"},
	"cmd/tenon":                {anything},
	"cmd/tenon/internal/...":   {anything},
}

const anything = "anything"

// A few libraries have one home inside their package, so that a reader finds what they are for at once.
var homes = map[string]string{
	"mux":  "issuer/routes.go",
	"uuid": "issuer/",
}

func TestImportsFollowTheTable(t *testing.T) {
	seen := map[string]bool{}
	for _, file := range goFiles(t) {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		dir := strings.TrimPrefix(path.Dir(file), ".")
		allowed, key := allowedFor(dir)
		seen[key] = true
		if key == "" && dir != "" {
			t.Errorf("%s: package %s is not in the table", file, dir)
			continue
		}
		for _, imported := range parse(t, file).Imports {
			name := shortName(imported.Path.Value)
			if name != "stdlib" && !slices.Contains(allowed, name) && !slices.Contains(allowed, anything) {
				t.Errorf("%s imports %s, and the table does not let %q do so", file, imported.Path.Value, dir)
			}
			if home := homes[name]; home != "" && !strings.HasPrefix(file, home) && !strings.HasPrefix(file, "cmd/") {
				t.Errorf("%s imports %s, whose home is %s", file, imported.Path.Value, home)
			}
			if imported.Path.Value == `"unsafe"` {
				t.Errorf("%s imports unsafe", file)
			}
		}
	}
	for key := range mayImport {
		if !seen[key] {
			t.Errorf("the table has %q, which does not exist", key)
		}
	}
}

// Each of the three sentences of the security argument is true of one file only.
func TestSecurityArgumentHasOneHomeForEachSentence(t *testing.T) {
	found := map[string][]string{}
	for _, file := range goFiles(t) {
		if strings.HasSuffix(file, "_test.go") || strings.HasPrefix(file, "verifier/verifiertest/") {
			continue
		}
		ast.Inspect(parse(t, file), func(n ast.Node) bool {
			for _, sentence := range sentences(file, n) {
				if !slices.Contains(found[sentence], file) {
					found[sentence] = append(found[sentence], file)
				}
			}
			return true
		})
	}
	want := map[string][]string{
		"binds":    {"issuer/possession.go"}, // makes a tenon.Confirmation
		"mints":    {"issuer/mint.go"},       // names the type of an access token in the issuer
		"compares": {"verifier/bind.go"},     // looks at the members of a Confirmation in the verifier
	}
	for _, sentence := range slices.Sorted(maps.Keys(want)) {
		if !slices.Equal(found[sentence], want[sentence]) {
			t.Errorf("what %s stands in %v, and only %v may do it", sentence, found[sentence], want[sentence])
		}
	}
}

// sentences tells what a syntax node does that only one file may do.
func sentences(file string, n ast.Node) []string {
	switch n := n.(type) {
	case *ast.CompositeLit:
		if s, ok := n.Type.(*ast.SelectorExpr); ok && s.Sel.Name == "Confirmation" && len(n.Elts) > 0 {
			return []string{"binds"}
		}
	case *ast.BasicLit:
		if strings.HasPrefix(file, "issuer/") && n.Value == `"at+jwt"` {
			return []string{"mints"}
		}
	case *ast.SelectorExpr:
		if strings.HasPrefix(file, "verifier/") && (n.Sel.Name == "JKT" || n.Sel.Name == "X5T") {
			return []string{"compares"}
		}
	case *ast.AssignStmt:
		if !strings.Contains(file, "/") { // the vocabulary reads what the wire says
			return nil
		}
		for _, left := range n.Lhs {
			if s, ok := left.(*ast.SelectorExpr); ok && (s.Sel.Name == "JKT" || s.Sel.Name == "X5T") {
				return []string{"binds"}
			}
		}
	}
	return nil
}

// Names that say nothing are where unrelated things gather.
func TestFilesAreNamedForWhatTheyDefine(t *testing.T) {
	for _, file := range goFiles(t) {
		switch strings.TrimSuffix(strings.TrimSuffix(path.Base(file), ".go"), "_test") {
		case "util", "utils", "helper", "helpers", "common", "model", "types", "misc":
			t.Errorf("%s: name the file for what it defines", file)
		}
	}
}

func allowedFor(dir string) (allowed []string, key string) {
	if allowed, ok := mayImport[dir]; ok {
		return allowed, dir
	}
	if strings.HasPrefix(dir, "cmd/tenon/internal/") {
		return mayImport["cmd/tenon/internal/..."], "cmd/tenon/internal/..."
	}
	return nil, ""
}

// shortName turns an import path in quotes into the name that the table uses.
func shortName(quoted string) string {
	imported, err := strconv.Unquote(quoted)
	if err != nil {
		return quoted
	}
	if imported == module {
		return ""
	}
	if inside, ok := strings.CutPrefix(imported, module+"/"); ok {
		return inside
	}
	for name, root := range libraries {
		if imported == root || strings.HasPrefix(imported, root+"/") {
			return name
		}
	}
	if first, _, _ := strings.Cut(imported, "/"); !strings.Contains(first, ".") {
		return "stdlib"
	}
	return imported
}

// goFiles lists the Go files of the module by their path from its root.
func goFiles(t *testing.T) []string {
	t.Helper()
	var files []string
	err := filepath.WalkDir(".", func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "testdata" || d.Name() == "node_modules" || strings.HasPrefix(d.Name(), ".") && file != ".") {
			return filepath.SkipDir
		}
		if strings.HasSuffix(file, ".go") {
			files = append(files, filepath.ToSlash(file))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 10 {
		t.Fatalf("found %d files only", len(files))
	}
	return files
}

func parse(t *testing.T, file string) *ast.File {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}
