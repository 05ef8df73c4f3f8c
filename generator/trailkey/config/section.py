"""What all parts of a config have in common, and what stands in for a value that is wrong: nothing."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    StringConstraints,
    model_validator,
)
from pydantic_core.core_schema import CoreSchema, no_info_before_validator_function

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Principal = Annotated[str, StringConstraints(min_length=1)]


class _NotNull:
    """Refuses ``null`` for a key that is left out instead, in configs and in their JSON schema."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return no_info_before_validator_function(self._given, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        shown = handler(schema)
        given = [one for one in shown.pop("anyOf") if one != {"type": "null"}]
        return {**shown, **given[0]} if len(given) == 1 else {**shown, "anyOf": given}

    @staticmethod
    def _given(value: Any) -> Any:
        if value is None:
            raise ValueError("no value is given, and null turns nothing off here; write a value, or remove the key")
        return value


NOT_NULL = _NotNull()
"""For keys of type ``X | None`` where None means that the key is left out: ``null`` is for what it turns off."""


def each_once(key: str, values: Sequence[Any]) -> Iterator[str]:
    """Yield how a list is refused that has a value twice, which has no effect, and which CloudFormation refuses."""
    for index, value in enumerate(values):
        if value in values[:index]:
            what = repr(value) if isinstance(value, str) else f"entry {index}"
            yield f"{what} of {key} is given twice; once is enough; remove one"


class UnknownValueError(Exception):
    """A value that is asked for is wrong or missing, which was said where it stands: what needs it is not judged."""


if_known = suppress(UnknownValueError)
"""Ends a judgement in silence where it needs a value that was refused already."""


class Section(BaseModel):
    """A part of a config: unknown keys are errors, values are not changed after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, use_attribute_docstrings=True)

    @model_validator(mode="after")
    def _checked(self) -> Self:
        if contradiction := next(self.contradictions(), None):
            raise ValueError(contradiction)
        return self

    def contradictions(self) -> Iterator[str]:
        """Yield what its values say against each other; nobody asks for more than the first."""
        yield from ()

    if not TYPE_CHECKING:  # a type checker would take every attribute for one that is there

        def __getattr__(self, name: str) -> Any:
            """Refuse a value that is not there, which a part of a wrong config may lack."""
            if name in type(self).model_fields:
                raise UnknownValueError(name)
            return super().__getattr__(name)
