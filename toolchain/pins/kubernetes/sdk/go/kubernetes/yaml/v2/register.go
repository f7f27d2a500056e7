// Package v2 registers the objects of a manifest as resources.
package v2

import (
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// RegisterResource registers an object under the type token of its kind, as the generated SDK does: Pulumi's name for the
// API group without a name is "core".
//
// The generated SDK gives the result the Go type of its kind. The plugin's components only refer to it.
func RegisterResource(ctx *pulumi.Context, apiVersion, kind, name string, props pulumi.Input,
	opts ...pulumi.ResourceOption) (pulumi.CustomResource, error) {
	var resource object
	if err := ctx.RegisterResource(token(apiVersion, kind), name, props, &resource, opts...); err != nil {
		return nil, err
	}
	return &resource, nil
}

type object struct{ pulumi.CustomResourceState }

func token(apiVersion, kind string) string {
	if !strings.Contains(apiVersion, "/") && coreKinds[kind] {
		apiVersion = "core/" + apiVersion
	}
	return "kubernetes:" + apiVersion + ":" + kind
}

// coreKinds are the kinds of v1 that Pulumi knows; another one keeps the plain "v1" in its token.
var coreKinds = map[string]bool{
	"Binding":               true,
	"ConfigMap":             true,
	"Endpoints":             true,
	"Event":                 true,
	"LimitRange":            true,
	"Namespace":             true,
	"Node":                  true,
	"PersistentVolume":      true,
	"PersistentVolumeClaim": true,
	"Pod":                   true,
	"PodTemplate":           true,
	"ReplicationController": true,
	"ResourceQuota":         true,
	"Secret":                true,
	"Service":               true,
	"ServiceAccount":        true,
}
