// What Kamaji's Cluster API provider v0.20.0 names of package api/v1alpha1 and the Kamaji that is to be had lacks. The API
// server drops these fields: the CRDs are those of that Kamaji.

package v1alpha1

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
)

type AdditionalPort struct {
	Name        string             `json:"name"`
	Protocol    corev1.Protocol    `json:"protocol,omitempty"`
	AppProtocol *string            `json:"appProtocol,omitempty"`
	Port        int32              `json:"port"`
	TargetPort  intstr.IntOrString `json:"targetPort"`
}

func (in *AdditionalPort) DeepCopyInto(out *AdditionalPort) {
	*out = *in
	if in.AppProtocol != nil {
		out.AppProtocol = new(string)
		*out.AppProtocol = *in.AppProtocol
	}
}

type DataStoreOverride struct {
	Resource  string `json:"resource,omitempty"`
	DataStore string `json:"dataStore,omitempty"`
}

type GatewaySpec struct {
	AdditionalMetadata AdditionalMetadata          `json:"additionalMetadata,omitempty"`
	GatewayParentRefs  []gatewayv1.ParentReference `json:"parentRefs,omitempty"`
	Hostname           gatewayv1.Hostname          `json:"hostname,omitempty"`
}

func (in *GatewaySpec) DeepCopyInto(out *GatewaySpec) {
	*out = *in
	in.AdditionalMetadata.DeepCopyInto(&out.AdditionalMetadata)
	out.GatewayParentRefs = nil
	for i := range in.GatewayParentRefs {
		out.GatewayParentRefs = append(out.GatewayParentRefs, *in.GatewayParentRefs[i].DeepCopy())
	}
}

type ProbeSpec struct {
	InitialDelaySeconds *int32 `json:"initialDelaySeconds,omitempty"`
	TimeoutSeconds      *int32 `json:"timeoutSeconds,omitempty"`
	PeriodSeconds       *int32 `json:"periodSeconds,omitempty"`
	SuccessThreshold    *int32 `json:"successThreshold,omitempty"`
	FailureThreshold    *int32 `json:"failureThreshold,omitempty"`
}

func (in *ProbeSpec) DeepCopy() *ProbeSpec {
	if in == nil {
		return nil
	}
	out := *in
	for _, field := range []**int32{
		&out.InitialDelaySeconds, &out.TimeoutSeconds, &out.PeriodSeconds, &out.SuccessThreshold, &out.FailureThreshold,
	} {
		if *field != nil {
			value := **field
			*field = &value
		}
	}
	return &out
}

type ProbeSet struct {
	Liveness  *ProbeSpec `json:"liveness,omitempty"`
	Readiness *ProbeSpec `json:"readiness,omitempty"`
	Startup   *ProbeSpec `json:"startup,omitempty"`
}

func (in *ProbeSet) DeepCopyInto(out *ProbeSet) {
	out.Liveness, out.Readiness, out.Startup = in.Liveness.DeepCopy(), in.Readiness.DeepCopy(), in.Startup.DeepCopy()
}

func (in *ProbeSet) DeepCopy() *ProbeSet {
	if in == nil {
		return nil
	}
	out := new(ProbeSet)
	in.DeepCopyInto(out)
	return out
}

type ControlPlaneProbes struct {
	ProbeSet          `json:",inline"`
	APIServer         *ProbeSet `json:"apiServer,omitempty"`
	ControllerManager *ProbeSet `json:"controllerManager,omitempty"`
	Scheduler         *ProbeSet `json:"scheduler,omitempty"`
}

func (in *ControlPlaneProbes) DeepCopy() *ControlPlaneProbes {
	if in == nil {
		return nil
	}
	out := &ControlPlaneProbes{
		APIServer: in.APIServer.DeepCopy(), ControllerManager: in.ControllerManager.DeepCopy(), Scheduler: in.Scheduler.DeepCopy(),
	}
	in.ProbeSet.DeepCopyInto(&out.ProbeSet)
	return out
}

// The fields that existing types lack, and how to copy them: one embedded struct for each of those types.

type newerNetworkProfile struct {
	AdvertiseAddress string `json:"advertiseAddress,omitempty"`
}

type newerControlPlane struct {
	Gateway *GatewaySpec `json:"gateway,omitempty"`
}

func (in *newerControlPlane) DeepCopyInto(out *newerControlPlane) {
	if in.Gateway != nil {
		out.Gateway = new(GatewaySpec)
		in.Gateway.DeepCopyInto(out.Gateway)
	}
}

type newerDeployment struct {
	Probes *ControlPlaneProbes `json:"probes,omitempty"`
}

func (in *newerDeployment) DeepCopyInto(out *newerDeployment) {
	out.Probes = in.Probes.DeepCopy()
}

type newerService struct {
	AdditionalPorts []AdditionalPort `json:"additionalPorts,omitempty"`
}

func (in *newerService) DeepCopyInto(out *newerService) {
	out.AdditionalPorts = nil
	for i := range in.AdditionalPorts {
		var port AdditionalPort
		in.AdditionalPorts[i].DeepCopyInto(&port)
		out.AdditionalPorts = append(out.AdditionalPorts, port)
	}
}

type newerTenantControlPlane struct {
	DataStoreUsername  string              `json:"dataStoreUsername,omitempty"`
	DataStoreOverrides []DataStoreOverride `json:"dataStoreOverrides,omitempty"`
}

func (in *newerTenantControlPlane) DeepCopyInto(out *newerTenantControlPlane) {
	out.DataStoreUsername = in.DataStoreUsername
	out.DataStoreOverrides = append([]DataStoreOverride(nil), in.DataStoreOverrides...)
}
