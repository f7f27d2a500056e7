"""A stack with add-ons of each origin: charts of a repository and a registry, a folder, objects in the settings."""

from __future__ import annotations

from typing import Any

import yaml

from .charts import ChartServer
from .fleet import Fleet
from .project import Project

STACK = "addons"

LEAKING = {
    "Chart.yaml": "{apiVersion: v2, name: leaking, version: 0.2.0}",
    "templates/all.yaml": """
apiVersion: v1
kind: ConfigMap
metadata: {name: leaking, namespace: {{ .Release.Namespace }}}
data:
  settings: |
    word = {{ .Values.word }}
  encoded: {{ printf "user:%s:end" .Values.word | b64enc }}
  quoted: {{ dict "word" .Values.word | toJson | quote }}
{{- if .Values.refuse }}
{{ fail (printf "this word is too short: %s" .Values.word) }}
{{- end }}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: leaking, namespace: {{ .Release.Namespace }}}
spec:
  replicas: 0
  selector: {matchLabels: {app: leaking}}
  template:
    metadata: {labels: {app: leaking}}
    spec:
      containers: [{name: a, image: example.org/a, args: ["--word={{ .Values.word }}"]}]
""",
}
"""Files of a chart whose objects hold a secret where it must not stand, and stands in many charts."""

MANIFESTS = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: of-a-folder, namespace: default}\ndata: {a: b}\n"

OBJECT: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "inline", "namespace": "default"},
}


def write(project: Project, fleet: Fleet, servers: tuple[ChartServer, ChartServer], **network: Any) -> None:
    """The stack's settings, without what is secret in them. No controller makes pods in this tenant, so nobody waits."""
    repository, registry = servers
    project.configure(
        STACK,
        cluster={"name": STACK, "namespace": fleet.namespace},
        metal={"projectId": "5a2e6a42-9c1f-4b6e-8a55-2f4f6f0d7c11", "metro": "da"},
        workerPools=[{"name": "a", "replicas": 1}],
        handoff={"timeoutSeconds": 60},
        network={"plugin": "custom"},
        addons=[
            {"name": "network", "chart": registry.image, "version": registry.version, "plainHttp": True}
            | {"namespace": "kube-system", "values": {"mtu": 1400, **network}, "wait": False},
            {"name": "leaking", "chart": repository.name, "repository": repository.repository}
            | {"version": repository.version, "username": "robot", "password": "pass-word"}
            | {"namespace": "leaking", "createNamespace": True, "values": {}, "wait": False},
            {"name": "files", "files": ["manifests"]},
            {"name": "inline", "objects": [{**OBJECT, "data": {}}]},
        ],
        management={"kubeconfigPath": str(fleet.management.kubeconfig)},
    )


def edit_stack(project: Project, change: Any) -> None:
    """Change the stack's file in place: what is secret in it stays."""
    path = project.folder / f"Pulumi.{STACK}.yaml"
    document = yaml.safe_load(path.read_text())
    change(document["config"])
    path.write_text(yaml.safe_dump(document))
