"""Mistakes in the settings of the hosts and their BMCs."""

from __future__ import annotations

from tests.support.metal3_settings import PASSWORD, host

from .places import Mistake, put

MISTAKES: list[Mistake] = [
    (
        "host twice",
        put("metal3.hosts[1]", {**host(1), "name": "host-0"}),
        "metal3.hosts[1].name",
        "is the name of metal3.hosts[0] too",
    ),
    (
        "card twice",
        put("metal3.hosts[1]", {**host(1), "bootMACAddress": "00:60:2F:00:00:00"}),
        "metal3.hosts[1].bootMACAddress",
        "is that of metal3.hosts[0] too",
    ),
    (
        "host that is a uuid",
        put("metal3.hosts[0].name", "5a2e6a42-9c1f-4b6e-8a55-2f4f6f0d7c11"),
        "metal3.hosts[0].name",
        "must not be a UUID",
    ),
    (
        "password in clear",
        put("metal3.hosts[0].bmc.password", PASSWORD),
        "metal3.hosts[0].bmc.password",
        "must be stored as a secret",
    ),
    (
        "no user",
        put("metal3.hosts[0].bmc.username", None),
        "metal3.hosts[0].bmc.username",
        "is required, unless credentialsName is set",
    ),
    (
        "two credentials",
        put("metal3.hosts[0].bmc.credentialsName", "there"),
        "metal3.hosts[0].bmc.credentialsName",
        "can't be set beside username and password",
    ),
    (
        "driver",
        put("metal3.hosts[0].bmc.address", "rdp://x"),
        "metal3.hosts[0].bmc.address",
        "with one of these drivers: ipmi, libvirt",
    ),
    (
        "address with a user",
        put("metal3.hosts[0].bmc.address", "ipmi://admin:hunter2x@192.0.2.1"),
        "metal3.hosts[0].bmc.address",
        "set bmc.username and bmc.password instead",
    ),
    (
        "no system",
        put("metal3.hosts[0].bmc.address", "redfish://192.0.2.1"),
        "metal3.hosts[0].bmc.address",
        "the path of the system",
    ),
    (
        "no card with IPMI",
        put("metal3.hosts[0]", {"name": "h", "bmc": {"address": "ipmi://192.0.2.1", "credentialsName": "a"}}),
        "metal3.hosts[0].bootMACAddress",
        "is required with driver ipmi",
    ),
    (
        "secure boot",
        put(
            "metal3.hosts[0]",
            {**host(), "bootMode": "UEFISecureBoot", "bmc": {"address": "ipmi://192.0.2.1", "credentialsName": "a"}},
        ),
        "metal3.hosts[0].bootMode",
        "is not supported by driver ipmi",
    ),
    (
        "disk",
        put("metal3.hosts[0].rootDeviceHints.deviceName", "/dev/mapper/x"),
        "metal3.hosts[0].rootDeviceHints.deviceName",
        "must lie in /dev/ or /dev/disk/by-path/",
    ),
    (
        "label of CAPM3's",
        put("metal3.hosts[0].labels", {"cluster.x-k8s.io/cluster-name": "one"}),
        'metal3.hosts[0].labels["cluster.x-k8s.io/cluster-name"]',
        "is set by CAPM3",
    ),
    (
        "no certificate to verify",
        put(
            "metal3.hosts[0]",
            {
                **host(),
                "bmc": {
                    "address": "ipmi://192.0.2.1",
                    "credentialsName": "a",
                    "disableCertificateVerification": True,
                },
            },
        ),
        "metal3.hosts[0].bmc.disableCertificateVerification",
        "has no effect on an address without TLS",
    ),
]
