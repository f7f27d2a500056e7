"""Mistakes in the settings of what machines are made from: image, hosts to choose from, metadata, bootstrap."""

from __future__ import annotations

from tests.support.metal3_settings import FULL, IMAGE

from .places import Mistake, put

MISTAKES: list[Mistake] = [
    ("contract", put("capi.contract", "v1beta1"), "capi.contract", "Cluster API 1.11 or newer"),
    ("no hand-off", put("handoff", {"enabled": False}), "handoff.enabled", "from its first write"),
    ("no image", put("metal3.image", None), "workerPools[0].image", "is required, unless metal3.image"),
    (
        "no checksum",
        put("metal3.image", {"url": IMAGE["url"]}),
        "metal3.image.checksum",
        "CAPM3 refuses an image without",
    ),
    (
        "short checksum",
        put("metal3.image.checksum", "abc"),
        "metal3.image.checksum",
        "must be 64 hexadecimal digits for sha256, or a URL",
    ),
    (
        "live with a checksum",
        put("metal3.image", {**IMAGE, "format": "live-iso"}),
        "metal3.image.checksum",
        "has no effect with format live-iso",
    ),
    (
        "live with another checksum",
        put("metal3.image", {"url": IMAGE["url"], "checksumType": "md5", "format": "live-iso"}),
        "metal3.image.checksumType",
        "has no effect with format live-iso",
    ),
    ("forced", put("handoff", {"force": True}), "handoff.force", "nothing is overwritten"),
    ("url", put("metal3.image.url", "ubuntu.qcow2"), "metal3.image.url", "must be a URL"),
    (
        "selector without values",
        put("metal3.hostSelector.matchExpressions[0].values", []),
        "metal3.hostSelector.matchExpressions[0].values",
        "must have at least one entry with operator In",
    ),
    (
        "selector with values",
        put("metal3.hostSelector.matchExpressions[0].operator", "Exists"),
        "metal3.hostSelector.matchExpressions[0].values",
        "has no effect with operator Exists",
    ),
    (
        "selector twice",
        put("metal3.hostSelector.matchExpressions[1]", {"key": "rack", "operator": "Exists"}),
        "metal3.hostSelector.matchExpressions[1].key",
        "Metal3 takes each key once",
    ),
    (
        "own metadata",
        put("metal3.metaData.strings", {"name": "x"}),
        'metal3.metaData.strings["name"]',
        "defined for each",
    ),
    (
        "metadata twice",
        put("metal3.metaData.strings", {"nodeIP": "x"}),
        'metal3.metaData.ipAddressesFromPool["nodeIP"]',
        "defines the same key as",
    ),
    (
        "metadata key",
        put("metal3.metaData.strings", {"a b": "x"}),
        "metal3.metaData.strings",
        "must be at most 63 letters",
    ),
    (
        "metadata's pool",
        put("metal3.metaData.prefixesFromPool", {"nodePrefix": "nods"}),
        'metal3.metaData.prefixesFromPool["nodePrefix"]',
        "names no pool of metal3.ipPools, which has nodes, nodes6, there",
    ),
    (
        "pool of a pool",
        put("workerPools[0].metaData", {"ipAddressesFromPool": {"nodeIP": "nods"}}),
        'workerPools[0].metaData.ipAddressesFromPool["nodeIP"]',
        "names no pool",
    ),
    (
        "reuse with a surge",
        put("workerPools[0]", {"name": "a", "nodeReuse": True, "strategy": {"maxSurge": 1}}),
        "workerPools[0].strategy.maxSurge",
        "must be 0, and maxUnavailable at least 1, with nodeReuse",
    ),
    (
        "reuse with the default surge",
        put("workerPools[0]", {"name": "a", "nodeReuse": True}),
        "workerPools[0].strategy.maxSurge",
        "must be 0, and maxUnavailable at least 1, with nodeReuse",
    ),
    (
        "jinja",
        put("workerPools[0].bootstrap", {"commands": ["echo {{ .kubernetesVersion }}"]}),
        "workerPools[0].bootstrap.commands[0]",
        "cloud-init's jinja2 would evaluate",
    ),
    (
        "unknown metadata",
        put("workerPools[0].bootstrap", {"commands": ["echo {{ ds.meta_data.nope }}"]}),
        "workerPools[0].bootstrap.commands[0]",
        "names ds.meta_data.nope, which metaData does not define",
    ),
    (
        "own kubelet argument",
        put("workerPools[0].bootstrap", {"kubeletExtraArgs": {"cloud-provider": "external"}}),
        "workerPools[0].bootstrap.kubeletExtraArgs",
        "metal3.cloudController",
    ),
    ("another provider", {**FULL, "metal": {"metro": "da"}}, "metal", "one infrastructure provider"),
]
