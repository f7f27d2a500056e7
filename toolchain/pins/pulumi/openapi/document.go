// Package libopenapi stands for the reader of OpenAPI documents of the same import path. Of the whole Pulumi CLI only
// `pulumi api`, which talks to Pulumi's own service, reads such documents, and the reader takes almost as long to compile
// as the rest of the CLI. This one reads none and says so.
package libopenapi

import (
	"errors"

	v3 "github.com/pb33f/libopenapi/datamodel/high/v3"
)

// ErrLeftOut is what every document ends with.
var ErrLeftOut = errors.New("this pulumi was built for a lab, without the reader of OpenAPI documents; " +
	"use a released pulumi for `pulumi api`")

// Document is never made.
type Document struct{}

// Model holds a document that was read.
type Model struct {
	Model v3.Document
}

// NewDocument refuses every document.
func NewDocument([]byte) (*Document, error) {
	return nil, ErrLeftOut
}

// BuildV3Model belongs to a document, of which there is none.
func (*Document) BuildV3Model() (*Model, error) {
	return nil, ErrLeftOut
}
