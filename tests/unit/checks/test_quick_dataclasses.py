"""Dataclasses that are made while the code of their methods is remembered are those that the standard library makes."""

from __future__ import annotations

import dataclasses
import inspect
from typing import TYPE_CHECKING, Any

import pytest

from trailkey.checks import quick_dataclasses

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(dataclasses, "fields", dataclasses.fields)  # put back afterwards
    monkeypatch.setattr(dataclasses, "exec", exec, raising=False)
    quick_dataclasses.quicken()
    yield
    quick_dataclasses._code.cache_clear()
    quick_dataclasses._fields_of_class.cache_clear()


def made(default: int) -> Any:
    """Return a class whose methods have the same text whatever the default is."""

    @dataclasses.dataclass(frozen=True, order=True)
    class Pair:
        left: int
        right: int = default
        seen: list[int] = dataclasses.field(default_factory=lambda: [default], compare=False)

    return Pair


@pytest.mark.usefixtures("quick")
def test_each_class_has_its_own_values() -> None:
    one, two = made(1), made(2)
    assert (one(0).right, one(0).seen) == (1, [1])
    assert (two(0).right, two(0).seen) == (2, [2])
    assert two(0) < two(1)
    with pytest.raises(dataclasses.FrozenInstanceError):
        two(0).left = 3
    assert quick_dataclasses._code.cache_info().hits


def test_their_methods_say_what_the_standard_library_has_them_say(request: pytest.FixtureRequest) -> None:
    before = inspect.signature(made(1)), made(1).__init__.__annotations__
    request.getfixturevalue("quick")
    assert (inspect.signature(made(1)), made(1).__init__.__annotations__) == before


@pytest.mark.usefixtures("quick")
def test_fields_are_those_of_the_class_that_is_asked() -> None:
    one, other = made(1), made(2)
    assert [field.default for field in dataclasses.fields(one)][1] == 1
    assert [field.default for field in dataclasses.fields(other(0))][1] == 2
    assert dataclasses.fields(one(0)) is dataclasses.fields(one)
    with pytest.raises(TypeError):
        dataclasses.fields(int)  # type: ignore[arg-type] # that is what is refused
