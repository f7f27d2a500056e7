"""What a change of a setting does to a cluster that lives on servers of one's own.

Sources: CAPM3 v1.13.2 (``internal/webhooks/v1beta2``, ``baremetal``), IPAM v1.13.2 (its webhook of IPPools),
baremetal-operator v0.13.2 (``baremetalhost_validation.go``).
"""

from __future__ import annotations

from ..effects import ROLLS, Effect

IN_USE = "the IPAM refuses a pool that no longer holds an address in use"

EFFECTS = {
    "metal3.image": Effect("rolls machines", "of all pools without an image of their own"),
    "metal3.hostSelector": Effect("rolls machines", "of all pools without one of their own"),
    "metal3.cleaning": Effect("rolls machines", "of all pools without one of their own"),
    "metal3.metaData": Effect("rolls machines", "of all pools without one of their own"),
    "metal3.networkData": Effect("rolls machines", "of all pools without one of their own"),
    "metal3.cloudController": Effect(
        "never", "the providerID of a living node never changes, and each way gives it another"
    ),
    "metal3.ipPools": Effect("in place", f"machines that come later take it; {IN_USE}"),
    "metal3.ipPools[].name": Effect("rolls machines", "that have addresses of it"),
    "metal3.ipPools[].existing": Effect("rolls machines", "that have addresses of it: another object is meant"),
    "metal3.ipPools[].kind": Effect("rolls machines", "that have addresses of it: another object is meant"),
    "metal3.ipPools[].apiGroup": Effect("rolls machines", "that have addresses of it: another object is meant"),
    "metal3.hosts": Effect("in place", "a host can't be left out as long as a machine is on it"),
    "metal3.hosts[].name": Effect("in place", "another name is another host: no machine may be on the old one"),
    "metal3.hosts[].bmc": Effect("in place", "the baremetal-operator registers the host again"),
    "metal3.hosts[].bmc.credentialsName": Effect(
        "in place",
        "from one Secret of your own to another; instead of username and password only on a host that is new",
    ),
    "metal3.hosts[].bmc.address": Effect("in place", "the baremetal-operator refuses it once the host is registered"),
    "metal3.hosts[].bootMACAddress": Effect("in place", "the baremetal-operator refuses another one"),
    "metal3.hosts[].labels": Effect("in place", "hosts are chosen by it, machines stay where they are"),
    "metal3.hosts[].rootDeviceHints": Effect("in place", "the next installation takes it"),
    "workerPools[].nodeReuse": ROLLS,
}
