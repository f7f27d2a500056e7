// Serves the conversions between v1beta1 and v1beta2 of Cluster API's own code, as its controllers do, and nothing else.
package main

import (
	"flag"
	"net/http"
	"os"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	bootstrapv1beta1 "sigs.k8s.io/cluster-api/api/bootstrap/kubeadm/v1beta1"
	bootstrapv1 "sigs.k8s.io/cluster-api/api/bootstrap/kubeadm/v1beta2"
	clusterv1beta1 "sigs.k8s.io/cluster-api/api/core/v1beta1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/webhook/conversion"
)

// What Cluster API reads from the labels of the CRDs: the newest version of each group, for references that name none.
var newest = map[string]string{
	"bootstrap.cluster.x-k8s.io":      "v1beta2",
	"controlplane.cluster.x-k8s.io":   "v1alpha2",
	"infrastructure.cluster.x-k8s.io": "v1beta1",
}

func main() {
	address := flag.String("address", "127.0.0.1:0", "where to listen")
	certificate := flag.String("certificate", "", "file")
	key := flag.String("key", "", "file")
	flag.Parse()
	clusterv1beta1.SetAPIVersionGetter(func(kind schema.GroupKind) (string, error) {
		return kind.Group + "/" + newest[kind.Group], nil
	})
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		clusterv1beta1.AddToScheme, clusterv1.AddToScheme, bootstrapv1beta1.AddToScheme, bootstrapv1.AddToScheme,
	} {
		if err := add(scheme); err != nil {
			os.Exit(2)
		}
	}
	http.Handle("/convert", conversion.NewWebhookHandler(scheme, conversion.NewRegistry()))
	if err := http.ListenAndServeTLS(*address, *certificate, *key, nil); err != nil {
		os.Stderr.WriteString(err.Error())
		os.Exit(1)
	}
}
