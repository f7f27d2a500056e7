// Package v3 has the types of a document that `pulumi api` names. None is ever filled.
package v3

import (
	"github.com/pb33f/libopenapi/datamodel/high/base"
	"github.com/pb33f/libopenapi/orderedmap"
	"go.yaml.in/yaml/v4"
)

// Document is a whole OpenAPI document.
type Document struct {
	Info       *base.Info
	Components *Components
	Paths      *Paths
}

// Components are what the document refers to.
type Components struct {
	Schemas *orderedmap.Map[string, *base.SchemaProxy]
}

// Paths are the document's routes.
type Paths struct {
	PathItems *orderedmap.Map[string, *PathItem]
}

// PathItem has the operations of a route.
type PathItem struct {
	Get, Post, Put, Delete, Patch, Head *Operation
}

// Operation is one request that can be made.
type Operation struct {
	OperationId string
	Summary     string
	Description string
	Tags        []string
	Deprecated  *bool
	Parameters  []*Parameter
	RequestBody *RequestBody
	Responses   *Responses
	Extensions  *orderedmap.Map[string, *yaml.Node]
}

// Parameter is a value that an operation takes.
type Parameter struct {
	Name, In, Description string
	Required              *bool
	Schema                *base.SchemaProxy
}

// RequestBody is the body that an operation takes.
type RequestBody struct {
	Content *orderedmap.Map[string, *MediaType]
}

// Responses are an operation's answers by their status.
type Responses struct {
	Codes   *orderedmap.Map[string, *Response]
	Default *Response
}

// Response is one answer.
type Response struct {
	Description string
	Content     *orderedmap.Map[string, *MediaType]
}

// MediaType is a body's schema.
type MediaType struct {
	Schema *base.SchemaProxy
}
