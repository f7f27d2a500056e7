// Package kubernetes stands for the generated SDK of the same import path, of which the Kubernetes plugin needs three small
// parts. The generated packages, one for each API group, take longer to compile than the plugin itself.
package kubernetes

import "reflect"

// UntypedArgs are the inputs of a resource as a manifest has them.
type UntypedArgs map[string]interface{}

// ElementType tells Pulumi's marshaller that the values have no types of their own.
func (UntypedArgs) ElementType() reflect.Type {
	return reflect.TypeOf(map[string]interface{}{})
}
