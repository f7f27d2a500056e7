"""Programs that the lab runs for containers with their images; all other containers are simulated."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

IMAGE = re.compile(r"(?:.*/)?(?P<name>[^/:@]+)(?::[^/:@]+)?(?:@.*)?")


@dataclass(frozen=True)
class Surroundings:
    """The surroundings of a container's program.

    Attributes:
        name: name of the pod, for the log.
        words: the program's command line.
        environment: the program's environment variables.
        files: content of the mounted files, by path.
        server: address of the API server.
        ca_pem: certificate of the API server's authority.
        token: requests a token of the pod's service account; raises httpx.HTTPError.
    """

    name: str
    words: Sequence[str]
    environment: Mapping[str, str]
    files: Mapping[str, bytes]
    server: str
    ca_pem: str
    token: Callable[[], str]


class Program(Protocol):
    """A running program."""

    @property
    def exit_code(self) -> int | None:
        """Its exit code, None while it runs."""

    def stop(self) -> None:
        """Ask it to stop, without waiting."""


Programs = Mapping[str, Callable[[Surroundings], Program]]
"""Functions that start a program, by the last part of its image's name."""


def image_name(image: str) -> str:
    """The last part of an image's name, without tag and digest.

    >>> image_name("quay.io:443/equinix/cloud-provider-equinix-metal:v3.8.1@sha256:0123"), image_name("etcd")
    ('cloud-provider-equinix-metal', 'etcd')
    """
    match = IMAGE.fullmatch(image)
    return match["name"] if match else image
