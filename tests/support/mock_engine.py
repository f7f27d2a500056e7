"""An engine that only records what a program registers, with the options that the SDK's own mocks leave out."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

import pulumi
from pulumi.runtime.mocks import MockMonitor, MockResourceArgs, Mocks, set_mocks

KUBECONFIG = base64.b64encode(b"clusters: [{name: a, cluster: {server: 'https://192.0.2.5:6443'}}]\n").decode()
"""Of a tenant, as its Secret holds it."""


@dataclass
class Registration:
    """One resource as the engine would have got it."""

    type: str
    name: str
    inputs: dict[str, Any]
    urn: str
    parent: str
    dependencies: list[str]
    deleted_with: str
    retained: bool
    delete_timeout: str
    provider: str
    protect: bool


@dataclass
class Recorder(Mocks):
    """Answers as the real providers would, as far as the program reads their answers."""

    resources: list[Registration] = field(default_factory=list)

    def new_resource(self, args: MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        """A resource exists as asked for; the hand-off has happened."""
        state = dict(args.inputs)
        if "metadata" in state:
            state["metadata"] = {**state["metadata"], "uid": f"uid-of-{args.name}"}
        if args.typ.endswith(("ControlPlaneEndpoint", "ControlPlaneAnswer")):
            state |= {"host": "192.0.2.5", "port": 6443, "endpoint": "192.0.2.5:6443"}
        if args.typ.endswith("ControlPlaneEndpoint"):
            state |= {
                "setBy": "pulumi",
                "kubeconfigSecret": f"{state['namespace']}/{state['cluster']}-kubeconfig",
            }
        if args.typ == "kubernetes:core/v1:Secret":
            state |= {"data": {"value": KUBECONFIG}}
        return args.resource_id or f"id-of-{args.name}", state

    def call(self, _args: Any) -> dict[str, Any]:
        """No functions are called."""
        return {}

    def of(self, type_: str) -> list[Registration]:
        """The registered resources of a type, by its full token or its last part."""
        return [
            resource
            for resource in self.resources
            if resource.type == type_ or resource.type.rpartition(":")[2] == type_
        ]

    def only(self, type_: str) -> Registration:
        """The only resource of a type."""
        (resource,) = self.of(type_)
        return resource


class Monitor(MockMonitor):
    """Records requests before it answers them."""

    def __init__(self, recorder: Recorder) -> None:
        super().__init__(recorder)
        self.recorder = recorder

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 - name of the RPC
        """Note a registration."""
        answer = super().RegisterResource(request)
        if request.type != "pulumi:pulumi:Stack":
            from pulumi.runtime import rpc

            self.recorder.resources.append(
                Registration(
                    type=request.type,
                    name=request.name,
                    inputs=rpc.deserialize_properties(request.object),
                    urn=answer.urn,
                    parent=request.parent,
                    dependencies=list(request.dependencies),
                    deleted_with=request.deletedWith,
                    retained=request.retainOnDelete,
                    delete_timeout=request.customTimeouts.delete,
                    provider=request.provider,
                    protect=request.protect,
                )
            )
        return answer


class Callbacks:
    """Stands for the server of a program's transforms, which the SDK's mocks do not run."""

    def register_transform(self, _transform: object) -> Any:
        """Note nothing."""
        from pulumi.runtime.proto import callback_pb2

        return callback_pb2.Callback()


async def callbacks() -> Callbacks:
    """The server."""
    return Callbacks()


def record(program: Callable[[], object], *, preview: bool = False) -> Recorder:
    """Run a program against the recording engine, until all that it registered has been answered."""
    recorder = Recorder()
    set_mocks(recorder, project="kamaji-equinix", stack="test", preview=preview, monitor=Monitor(recorder))

    @pulumi.runtime.test
    def run() -> None:
        program()

    with patch("pulumi.runtime.resource._get_callbacks", callbacks):
        run()
    return recorder
