"""gRPC's errors in the engine's messages, as sentences.

Python's gRPC shows an error as several lines in angle brackets, with the source lines of its C library
(``_NON_OK_RENDEZVOUS_REPR_FORMAT`` in grpc/_channel.py and in grpc/aio/_call.py). The engine passes on what the server of an
inline program says of it.
"""

from __future__ import annotations

import re

ENGINE_GONE = "the engine (pulumi) was gone before the program had ended"

MONITOR_GONE = "Resource monitor has terminated, shutting down"
"""What Pulumi's runtime raises instead in a call for a resource (pulumi/runtime/settings.py, grpc_error_to_exception)."""

PREFIX = "Exception calling application: "
"""Begins each exception of a dynamic provider (grpc/_server.py, _call_behavior)."""

_ERROR = re.compile(
    r"""(?:rpc\ error:\ code\ =\ \w+\ desc\ =\ )?
    (?:Exception\ (?:calling|iterating)\ \w+:\ )?
    (?:grpc[\w.]*:\ )?
    <(?:_\w+|AioRpcError)\ of\ RPC\ that\ terminated\ with:
    \s*status\ =\ StatusCode\.(?P<code>[A-Z_]+)
    (?:\s*details\ =\ "(?P<details>.*?)"(?=\s*(?:debug_error_string\ =|>|$)))?
    (?:.*?"\s*>|.*)""",
    re.VERBOSE | re.DOTALL,
)


def plain(text: str) -> str:
    """A text with a sentence in the place of each of gRPC's errors, and without gRPC's words before an exception."""
    return _ERROR.sub(_sentence, text).replace(MONITOR_GONE, ENGINE_GONE).removeprefix(PREFIX)


def _sentence(match: re.Match[str]) -> str:
    if match["code"] == "UNAVAILABLE":
        return ENGINE_GONE
    return f"{match['details'] or 'a call to the engine failed'} (gRPC: {match['code']})"
