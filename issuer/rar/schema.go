package rar

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
)

// place is where a schema pretends to live. Relative references lead to its neighbours, and it has none.
const place = "https://schema.invalid/authorization-detail"

// compileSchema compiles one schema with the formats that it may use. It reads nothing but the schema: a reference to a
// file or an address is a fault.
func compileSchema(schema []byte) (*jsonschema.Schema, error) {
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(schema))
	if err != nil {
		return nil, fmt.Errorf("schema: %w", err)
	}
	if _, object := document.(map[string]any); !object {
		return nil, errors.New("schema: a schema that takes everything, or nothing, is no schema of a detail")
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.UseLoader(nowhere{})
	c.AssertFormat()
	for _, f := range formats() {
		c.RegisterFormat(f)
	}
	if err := c.AddResource(place, document); err != nil {
		return nil, fmt.Errorf("schema: %w", err)
	}
	compiled, err := c.Compile(place)
	if err != nil {
		return nil, fmt.Errorf("schema: %w", err)
	}
	return compiled, nil
}

// nowhere loads no schema from anywhere.
type nowhere struct{}

var _ jsonschema.URLLoader = nowhere{}

func (nowhere) Load(url string) (any, error) {
	return nil, fmt.Errorf("%s is outside the schema, and only what is inside can be referred to", url)
}

// formats are what Tenon adds to the formats of JSON Schema.
func formats() []*jsonschema.Format {
	return []*jsonschema.Format{
		{Name: "iban", Validate: validIBAN},
		{Name: "currency", Validate: validCurrency},
		{Name: "money", Validate: validMoney},
	}
}

// validate holds a detail against its schema. The error names the place and the rule, and does not repeat the value:
// account numbers and names have no business in an error description, and so in logs.
func validate(schema *jsonschema.Schema, detail []byte) error {
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(detail))
	if err != nil {
		return err
	}
	err = schema.Validate(value)
	var invalid *jsonschema.ValidationError
	if !errors.As(err, &invalid) {
		return err
	}
	for len(invalid.Causes) > 0 {
		invalid = invalid.Causes[0]
	}
	where := "the object"
	if len(invalid.InstanceLocation) > 0 {
		where = strings.Join(invalid.InstanceLocation, ".")
	}
	return fmt.Errorf("%s %s", where, broken(invalid.ErrorKind))
}

// broken says which rule of a schema was broken.
func broken(rule jsonschema.ErrorKind) string {
	switch rule := rule.(type) {
	case *kind.Required:
		return "lacks " + strings.Join(rule.Missing, ", ")
	case *kind.AdditionalProperties:
		return "has unknown members: " + strings.Join(rule.Properties, ", ")
	case *kind.Type:
		return fmt.Sprintf("is %s, not %s", rule.Got, strings.Join(rule.Want, " or "))
	case *kind.Enum:
		return fmt.Sprintf("is none of %v", rule.Want)
	case *kind.Const:
		return fmt.Sprintf("is not %v", rule.Want)
	case *kind.Format:
		return fmt.Sprintf("is no %s: %v", rule.Want, rule.Err)
	case *kind.Pattern:
		return "does not have the form " + rule.Want
	case *kind.FalseSchema:
		return "has no place here"
	}
	return "breaks the rule " + strings.Join(rule.KeywordPath(), ".")
}
