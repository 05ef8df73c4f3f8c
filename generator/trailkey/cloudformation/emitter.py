"""Documents in long form (``{"Fn::Sub": …}``) to canonical CloudFormation text: one document, one text, to the byte.

The YAML is written by hand and not by PyYAML: its C and Python emitters differ (the C one cannot indent lists), both quote
for readers of YAML 1.1 only, and the text must stay the same to the byte whichever of them a machine has. Never touches
the file system, and knows nothing about resources or policies.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

_FIRST_KEYS: Final = (
    *("AWSTemplateFormatVersion", "Transform", "Version", "Id", "Sid", "Effect", "Principal", "NotPrincipal"),
    *("Action", "NotAction", "Resource", "NotResource", "Type", "Description", "DependsOn", "Condition"),
    *("DeletionPolicy", "UpdateReplacePolicy", "Metadata", "Parameters", "Rules", "Mappings", "Conditions"),
    *("Resources", "Outputs", "Properties", "Key", "Value", "Export"),
)
"""One order that suits templates, resources, statements and tags alike; every other key follows by alphabet."""
_KEY_ORDER: Final = {key: place for place, key in enumerate(_FIRST_KEYS)}

# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/intrinsic-function-reference.html
_SHORT_FORMS: Final = frozenset(
    (
        *("And", "Base64", "Cidr", "Equals", "FindInMap", "GetAZs", "GetAtt", "If", "ImportValue", "Join", "Not", "Or"),
        *("Select", "Split", "Sub", "Transform"),
    )
)

# Text that no reader of YAML 1.1 or 1.2 takes for anything but a string: it begins so that it is not a number, date or mark of
# YAML, holds neither ": " nor " #", and is not one of the words below. Everything else is quoted.
_PLAIN = re.compile(r"[A-Za-z$/](?:[\w./+=@$*{}(),'-]|:(?=[^ ])|(?<! ) (?! |$))*", re.ASCII)
_WORDS: Final = frozenset(["y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf", "infinity"])
_ESCAPES: Final = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_MAX_KEY: Final = 1000  # YAML reads a key of at most 1,024 characters: https://yaml.org/spec/1.1/#id934537


def dump_yaml(document: Mapping[str, Any]) -> str:
    """Return the one YAML text of a document: short forms, canonical key order, LF, no anchors, no wrapped lines.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-formats.html

    Raises:
        TypeError: the document has what CloudFormation text cannot hold (a set, a key that is not text): a defect of the
            caller, not of the user.
        ValueError: the same, for NaN and for a key that is too long.
    """
    head, body = _emit(document, "")
    if head:  # a function alone: its lines are indented, so that none of them can begin a new document
        head, body = _emit(document, "  ")
    return "\n".join([head, *body] if head else body) + "\n"


def dump_json(document: Mapping[str, Any]) -> str:
    """Return the one JSON text of a document: canonical key order, indented by 2, ending with a newline.

    Raises:
        TypeError: as `dump_yaml` does.
        ValueError: the same.
    """
    return json.dumps(_ordered(document), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _rank(key: str) -> tuple[int, str]:
    if not isinstance(key, str):
        raise TypeError(f"a key of CloudFormation text is a string, not {key!r}")
    return _KEY_ORDER.get(key, len(_KEY_ORDER)), key


def _ordered(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _ordered(value[key]) for key in sorted(value, key=_rank)}
    if isinstance(value, (list, tuple)):
        return [_ordered(item) for item in value]
    return value


def _emit(value: Any, pad: str) -> tuple[str, list[str]]:
    """Return what stands on the line of the key or dash, and the lines below it, indented by ``pad``."""
    deeper = pad + "  "
    if isinstance(value, Mapping):
        keys = sorted(value, key=_rank)
        if short := _short_form(value):
            tag, argument = short
            head, body = _emit(argument, pad)
            # YAML has one tag for a node, so of two nested functions the outer one keeps its long form.
            if not head.startswith("!"):
                return f"{tag} {head}".rstrip(), body
        lines: list[str] = []
        for key in keys:
            if len(key) > _MAX_KEY:
                raise ValueError(f"a key of {len(key)} characters is longer than YAML can read: {key[:40]}…")
            head, body = _emit(value[key], deeper)
            lines += (f"{pad}{_inline(key)}: {head}".rstrip(), *body)
        return ("", lines) if lines else ("{}", [])
    if isinstance(value, (list, tuple)):
        lines = []
        for item in value:
            head, body = _emit(item, deeper)
            lines += (f"{pad}- {head}", *body) if head else (f"{pad}- {body[0].removeprefix(deeper)}", *body[1:])
        return ("", lines) if lines else ("[]", [])
    if isinstance(value, str) and "\n" in value and _fits_literal(value):
        return ("|" if value.endswith("\n") else "|-", [(pad + line).rstrip() for line in value.splitlines()])
    return _inline(value), []


def _short_form(value: Mapping[str, Any]) -> tuple[str, Any] | None:
    if len(value) != 1:
        return None
    ((name, argument),) = value.items()
    if name in ("Ref", "Condition"):
        return (f"!{name}", argument) if isinstance(argument, str) else None
    if name == "Fn::GetAtt":
        match argument:
            case [str(resource), str(attribute)] if resource and attribute and "." not in resource:
                return "!GetAtt", f"{resource}.{attribute}"
        return None
    suits = (Mapping,) if name == "Fn::Transform" else (str, list, tuple)
    if name.startswith("Fn::") and name[4:] in _SHORT_FORMS and isinstance(argument, suits):
        return f"!{name[4:]}", argument
    return None


def _fits_literal(text: str) -> bool:
    # Only "\n" breaks lines here (splitlines knows more); trailing blanks would be lost on the way through an editor.
    lines = text.removesuffix("\n").split("\n")
    return lines[0][:1] not in ("", " ") and lines[-1] != "" and all(x.isprintable() and x == x.rstrip() for x in lines)


def _inline(value: Any) -> str:
    if isinstance(value, str):
        if _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
            return value
        return f'"{"".join(_ESCAPES.get(char) or _visible(char) for char in value)}"'
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float) and value - value == 0:  # neither NaN nor infinite
        # YAML 1.1 takes 1e+16 for a string: its numbers with an exponent have a point.
        return re.sub(r"^(-?\d+)e", r"\1.0e", repr(value))
    raise TypeError(f"CloudFormation text cannot hold {value!r}")


def _visible(char: str) -> str:
    if char.isprintable():
        return char
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
