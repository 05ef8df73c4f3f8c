"""The JSON Schema of the config, made from the model: editors complete and check with it."""

from __future__ import annotations

import json
from typing import Any

from trailkey.config.model import Config


def schema_text() -> str:
    """Return the JSON Schema (draft 2020-12) as text with a final newline.

    A file that extends another holds only what differs, so nothing is required of it: it has definitions of its own.
    """
    whole = Config.model_json_schema()
    definitions = whole.pop("$defs")
    mirror = _optional({**whole, "properties": {**whole["properties"], "extends": _EXTENDS}})
    mirror["required"] = ["extends", "name"]
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "trailkey config",
        "if": {"type": "object", "required": ["extends"]},
        "then": {"$ref": "#/$defs/Mirror"},
        "else": {"$ref": "#/$defs/Config"},
        "$defs": {
            "Config": whole,
            "Mirror": mirror,
            **definitions,
            **{f"Mirror{name}": _optional(part) for name, part in definitions.items()},
        },
    }
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


_EXTENDS = {
    "type": "string",
    "description": "Another config, from this file's folder; this one says what differs in the mirrored environment.",
}


def _optional(part: Any) -> Any:
    """Return a part of the schema with nothing required, referring to the definitions for mirrors."""
    if isinstance(part, dict):
        renamed = {
            key: _optional(value)
            for key, value in part.items()
            if not (key == "required" and isinstance(value, list)) and key != "minItems"
        }
        if "$ref" in renamed:
            renamed["$ref"] = renamed["$ref"].replace("#/$defs/", "#/$defs/Mirror")
        return renamed
    return [_optional(item) for item in part] if isinstance(part, list) else part
