// Package base has the types of a schema that `pulumi api` names. None is ever filled.
package base

import (
	"errors"

	"github.com/pb33f/libopenapi/orderedmap"
	"go.yaml.in/yaml/v4"
)

// Schema is one schema of a document.
type Schema struct {
	Type                 []string
	Format               string
	Description          string
	Pattern              string
	Required             []string
	Nullable             *bool
	ReadOnly             *bool
	MinLength            *int64
	MaxLength            *int64
	Minimum              *float64
	Maximum              *float64
	MultipleOf           *float64
	Default              *yaml.Node
	Enum                 []*yaml.Node
	AllOf                []*SchemaProxy
	AnyOf                []*SchemaProxy
	OneOf                []*SchemaProxy
	Items                *DynamicValue
	AdditionalProperties *DynamicValue
	Properties           *orderedmap.Map[string, *SchemaProxy]
	Extensions           *orderedmap.Map[string, *yaml.Node]
	Discriminator        *Discriminator
}

// Low is a schema as its document writes it.
type Low struct{}

// Hash tells schemas apart.
func (*Low) Hash() uint64 { return 0 }

// GoLow returns the schema as its document writes it: there is none.
func (*Schema) GoLow() *Low { return nil }

// MarshalJSONInline refuses.
func (*Schema) MarshalJSONInline() ([]byte, error) {
	return nil, errors.New("no schema is read in this build")
}

// SchemaProxy leads to a schema.
type SchemaProxy struct{}

// Schema returns the schema that it leads to: none.
func (*SchemaProxy) Schema() *Schema { return nil }

// GetReference returns the reference that it was written as.
func (*SchemaProxy) GetReference() string { return "" }

// IsReference tells whether it was written as a reference.
func (*SchemaProxy) IsReference() bool { return false }

// DynamicValue is a schema (A) or a truth value (B).
type DynamicValue struct {
	A *SchemaProxy
	B bool
}

// IsA tells whether it is a schema.
func (v *DynamicValue) IsA() bool { return v.A != nil }

// Discriminator chooses among schemas by a property.
type Discriminator struct {
	PropertyName string
	Mapping      *orderedmap.Map[string, string]
}

// Info is about a document.
type Info struct {
	Version string
}
