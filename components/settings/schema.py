"""The settings' models for editors and readers: a JSON schema of ``Pulumi.<env>.yaml`` and a table of all keys.

``python -m kamaji_equinix.components.settings.schema`` writes both into ``docs/``; a test holds them current.
"""

from __future__ import annotations

import argparse
import functools
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo
from pydantic.json_schema import models_json_schema

from .cluster import ClusterSettings
from .effects import summary
from .model import ManagementSettings
from .namespace import NAMESPACE
from .parse import model_in
from .providers import PROVIDERS
from .section import Section

SCHEMA_FILE = "settings.schema.json"
TABLE_FILE = "settings.md"

INTRODUCTION = f"""\
# Settings

Every key of a stack's configuration, `{NAMESPACE}:<key>` in `Pulumi.<env>.yaml`. Made from the program's models by
`python -m kamaji_equinix.components.settings.schema`; change those, not this.

With `clusters`, a list whose items have the keys of one cluster, a stack holds several clusters, and the same keys
beside `clusters` are defaults for all of them: maps merge, lists and values replace.

The last column says what a change does to a cluster that lives: `in place`, `rolls machines` (those of the pool are replaced
one after the other), `with care` (preview and up say what follows), or `never` (refused before anything is written; a new
cluster under another name is the way). It is tested against the controllers and webhooks that decide it.

Editors with the YAML language server complete and check a file that begins with
`# yaml-language-server: $schema=docs/{SCHEMA_FILE}`.
"""


def json_schema() -> dict[str, Any]:
    """The JSON schema of a stack's file."""
    tenants = [provider.tenant for provider in PROVIDERS.all()]
    _, definitions = models_json_schema(
        [*((tenant, "validation") for tenant in tenants), (ManagementSettings, "validation")], by_alias=True
    )
    sections = tidy(definitions["$defs"])
    for addon in sections["AddOnsSettings"]["properties"].values():
        addon["anyOf"].append({"type": "boolean"})
    properties = together([sections.pop(tenant.__name__)["properties"] for tenant in tenants])
    # Required beside `clusters` or in each of them: only the checks can decide that, not a schema.
    for name in (ClusterSettings.__name__, *(provider.section.__name__ for provider in PROVIDERS.all())):
        sections[name].pop("required", None)
    keys = {f"{NAMESPACE}:{key}": value for key, value in properties.items()}
    keys[f"{NAMESPACE}:management"] = {"$ref": "#/$defs/ManagementSettings"}
    keys[f"{NAMESPACE}:clusters"] = {
        "type": "array",
        "minItems": 1,
        "items": {
            "additionalProperties": False,
            "description": "All settings of one tenant cluster.",
            "properties": properties,
            "type": "object",
        },
        "description": "Several clusters; the keys beside it are their defaults.",
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A stack of kamaji-equinix",
        "type": "object",
        "properties": {
            "config": {
                "type": "object",
                "properties": keys,
                "patternProperties": {f"^(?!{NAMESPACE}:).+:.+$": True},
                "additionalProperties": False,
            }
        },
        "$defs": sections,
    }


def together(several: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The properties of several models; where they differ, any will do."""
    alike: dict[str, list[Any]] = {}
    for properties in several:
        for key, value in properties.items():
            if value not in alike.setdefault(key, []):
                alike[key].append(value)
    return {key: values[0] if len(values) == 1 else {"anyOf": values} for key, values in alike.items()}


def tidy(value: Any) -> Any:
    """A schema without the titles that pydantic makes of names."""
    if isinstance(value, dict):
        return {key: tidy(item) for key, item in value.items() if not (key == "title" and isinstance(item, str))}
    return [tidy(item) for item in value] if isinstance(value, list) else value


def rows(model: type[Section], prefix: str) -> Iterator[tuple[str, str, str, str]]:
    """Key, type, default and meaning of each setting of a section."""
    for field in model.model_fields.values():
        path = f"{prefix}.{field.alias}"
        inner = model_in(field.annotation)
        is_list = str(field.annotation).startswith("tuple[")
        if inner:
            yield path + ("[]" if is_list else ""), "list of maps" if is_list else "map", default(field), meaning(field)
            yield from rows(inner, path + ("[]" if is_list else ""))
        else:
            yield path, kind(model, str(field.alias)), default(field), meaning(field)


def kind(model: type[Section], alias: str) -> str:
    """The type of a setting in words."""
    return in_words(properties(model)[alias])


@functools.cache
def properties(model: type[Section]) -> dict[str, Any]:
    """The JSON types of a section's settings."""
    types: dict[str, Any] = model.model_json_schema(by_alias=True)["properties"]
    return types


def in_words(schema: dict[str, Any]) -> str:
    """A JSON type in words."""
    if "anyOf" in schema:
        return " or ".join(
            dict.fromkeys(
                # Nobody types the form in which pulumi writes a secret.
                in_words(item)
                for item in schema["anyOf"]
                if item.get("type") != "null" and "secure" not in item.get("properties", {})
            )
        )
    if "enum" in schema:
        return ", ".join(f"`{item}`" for item in schema["enum"])
    if "const" in schema:
        return f"`{schema['const']}`"
    if schema.get("type") == "array":
        return f"list of {in_words(schema['items'])}"
    return {"string": "text", "integer": "number", "boolean": "true, false", "object": "map"}.get(
        schema.get("type", ""), "any"
    )


def default(field: FieldInfo) -> str:
    """The default of a setting, empty where there is none."""
    if field.is_required():
        return "required"
    value = field.default
    if isinstance(value, Section) or value is None or value in ((), {}, ""):
        return ""
    return f"`{json.dumps(value)}`"


def meaning(field: FieldInfo) -> str:
    """The description, safe within a table."""
    return str(field.description).replace("|", "\\|") if field.description else ""


def table() -> str:
    """All settings as a Markdown table, those of infrastructure providers among them."""
    lines = ["| key | type | default | meaning | a change, once the cluster lives |", "|---|---|---|---|---|"]
    fields = [field for provider in PROVIDERS.all() for field in provider.tenant.model_fields.values()]
    for field in fields:
        inner = model_in(field.annotation)
        assert inner is not None, "each key of a cluster is a section"  # noqa: S101 - holds by construction
        suffix = "[]" if str(field.annotation).startswith("tuple[") else ""
        lines += [row(*item) for item in rows(inner, f"{field.alias}{suffix}")]
    lines += [row(*item) for item in rows(ManagementSettings, "management")]
    return "\n".join(dict.fromkeys(lines)) + "\n"


def row(key: str, words: str, value: str, text: str) -> str:
    """One line of the table."""
    return f"| `{key}` | {words} | {value} | {text} | {summary(key)} |"


def files() -> dict[str, str]:
    """The generated files by name."""
    return {
        SCHEMA_FILE: json.dumps(json_schema(), indent=1, sort_keys=True) + "\n",
        TABLE_FILE: f"{INTRODUCTION}\n{table()}",
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the generated files."""
    parser = argparse.ArgumentParser(description="Write the settings' table and JSON schema.")
    parser.add_argument("--docs", type=Path, default=Path("docs"), help="folder to write into")
    options = parser.parse_args(arguments)
    options.docs.mkdir(exist_ok=True)
    for name, text in files().items():
        (options.docs / name).write_text(text, encoding="utf-8")
        print(options.docs / name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
