"""Stand-ins for the wrong values of a config, so that the rest is judged all the same and all problems are shown at once.

What is said about a stand-in is no problem of the config. So each is a text that stands nowhere in the config, and whatever
mentions one is left unsaid.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from trailkey.aws import PARTITIONS, REGIONS, partition_of
from trailkey.config import messages

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pydantic_core import ErrorDetails

    from trailkey.config.source import ConfigPath, Source


class Mending:
    """A copy of a config's data whose wrong values are replaced, error by error."""

    def __init__(self, source: Source) -> None:
        self.data = _copied(source.data)
        self._source = source
        self._taken = repr(source.data)
        self._made: list[str] = []
        self._wrong: set[ConfigPath] = {path for path, _ in source.problems if path}

    def spoke_of(self, path: ConfigPath, text: str) -> bool:
        """Tell whether a problem is about a stand-in, or about a place of which something was said before."""
        inside = any(path[: len(wrong)] == wrong for wrong in self._wrong)
        return inside or any(made in text or made in path for made in self._made)

    def mend(self, error: ErrorDetails) -> None:
        """Put something acceptable where pydantic found an error."""
        path = messages.place(error)
        parent: Any = self._at(path[:-1])
        if not isinstance(parent, dict | list):
            return
        kind = _kind(path)
        if error["type"] == "extra_forbidden":
            self._meant(path, parent)
        elif error["loc"][-1:] == ("[key]",) and path[0] == "accounts":
            self._rename(str(path[-1]))
        elif error["type"] == "value_error" and kind in _CONTRADICTIONS and isinstance(error["input"], dict):
            self._wrong.add(path)
            for key in _CONTRADICTIONS[kind] or tuple(error["input"]):
                self._at(path).pop(key, None)
        elif kind.startswith("trails[].advanced_event_selectors[]"):
            self._wrong.add(path[:4])
            self._at(path[:3])[int(path[3])] = _selector(self)
        else:
            # Without knowing whose trail it is, its owner cannot be judged.
            self._wrong.add(path[:2] if kind == "trails[].is_organization_trail" else path)
            self._replace(path, parent, kind)

    def _replace(self, path: ConfigPath, parent: Any, kind: str) -> None:
        last = path[-1]
        written = self._source.mark(path).written or ""
        if kind == "accounts.*.id" and len(written) == 12 and written.isdecimal():
            parent[last] = written  # an id without quotes is known all the same
        elif kind in STAND_INS:
            parent[last] = STAND_INS[kind](self)
        elif isinstance(parent, dict):
            parent.pop(last, None)
        else:
            self._wrong.add(path[:-1])
            self._at(path[:-2]).pop(path[-2], None)

    def _meant(self, path: ConfigPath, parent: Any) -> None:
        """Read an unknown key as the one that was probably meant, where that one is not there."""
        value = parent.pop(path[-1])
        near = messages.nearest(str(path[-1]), sorted(messages.section(path[:-1]).model_fields))
        if near is not None and near not in parent:
            parent[near] = value
            for below, mark in list(self._source.marks.items()):
                if below[: len(path)] == path:
                    self._source.marks[*path[:-1], near, *below[len(path) :]] = mark
        elif _kind(path[:-1]) == "readers[]":
            self._wrong.add(path[:-1])

    def _rename(self, old: str) -> None:
        """Give an account another name, wherever it is named: what is wrong is said of the name once."""
        new = self.fresh("stand-in-{}")

        def renamed(value: Any) -> Any:
            if isinstance(value, dict):
                return {new if key == old else key: renamed(item) for key, item in value.items()}
            if isinstance(value, list):
                return [renamed(item) for item in value]
            if isinstance(value, str) and (value == old or value.startswith(f"{old}:")):
                return new + value[len(old) :]
            return value

        self.data = renamed(self.data)

    def _at(self, path: Iterable[str | int]) -> Any:
        value = self.data
        for step in path:
            if isinstance(value, dict):
                value = value.get(step)
            elif isinstance(value, list) and isinstance(step, int) and step < len(value):
                value = value[step]
            else:
                return None
        return value

    def fresh(self, form: str) -> str:
        """Return a text of a form that stands nowhere in the config."""
        number = len(self._made) + 1
        while (text := form.format(number)) in self._taken or text in self._made:
            number += 1
        self._made.append(text)
        return text

    def partition(self) -> str:
        """Return the config's partition, or the one its Region belongs to."""
        partition = self._at(("partition",))
        region = self._at(("bucket", "region"))
        return partition if partition in PARTITIONS else partition_of(region if isinstance(region, str) else "")

    def region(self) -> str:
        """Return a Region of the partition, one that stands nowhere in the config where there is one."""
        regions = [region for region in REGIONS if partition_of(region) == self.partition()]
        free = [region for region in regions if region not in self._taken]
        self._made += free[-1:]
        return (free or regions)[-1]


def _copied(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copied(item) for key, item in value.items()}
    return [_copied(item) for item in value] if isinstance(value, list) else value


def _kind(path: ConfigPath) -> str:
    """Return a path with its numbers and account names left out: ``trails[].name``, ``accounts.*.id``."""
    steps = ("[]" if isinstance(step, int) else f".{step}" for step in path)
    if path[:1] == ("accounts",) and len(path) > 1:
        steps = (".accounts", ".*", *(f".{step}" for step in path[2:]))  # type: ignore[assignment]  # joined either way
    return "".join(steps).removeprefix(".")


def _name(mending: Mending) -> str:
    return mending.fresh("stand-in-{}")


def _account(mending: Mending) -> dict[str, Any]:
    return {"id": mending.fresh("{:012}"), "deployer": f"role/{_name(mending)}"}


def _accounts(mending: Mending) -> dict[str, Any]:
    return {_name(mending): _account(mending)}


def _organization(mending: Mending) -> dict[str, Any]:
    return {"id": mending.fresh("o-standin{:05}"), "management_account": _name(mending)}


def _bucket(mending: Mending) -> dict[str, Any]:
    return {"account": _name(mending), "region": mending.region(), "name": _name(mending)}


def _trail(mending: Mending) -> dict[str, Any]:
    return {"name": _name(mending), "account": _name(mending), "home_region": mending.region()}


def _selector(mending: Mending) -> dict[str, Any]:
    return {
        "field_selectors": [
            {"field": "eventCategory", "equals": ["Data"]},
            {"field": "resources.type", "equals": [_name(mending)]},
        ]
    }


def _reader(mending: Mending) -> dict[str, Any]:
    return {"name": _name(mending), "account_principal": _name(mending)}


def _store(mending: Mending) -> dict[str, Any]:
    alias = mending.fresh("alias/stand-in-{}")
    return {"name": _name(mending), "account": _name(mending), "region": mending.region(), "alias": alias}


STAND_INS: Final[dict[str, Callable[[Mending], Any]]] = {
    "name": _name,
    "partition": Mending.partition,
    "organization": _organization,
    "organization.id": lambda mending: mending.fresh("o-standin{:05}"),
    "organization.management_account": _name,
    "organization.root_id": lambda mending: mending.fresh("r-standin{:05}"),
    "accounts": _accounts,
    "accounts.*": _account,
    "accounts.*.id": lambda mending: mending.fresh("{:012}"),
    "accounts.*.deployer": lambda mending: f"role/{_name(mending)}",
    "key": lambda mending: {"account": _name(mending)},
    "key.account": _name,
    "key.alias": lambda mending: mending.fresh("alias/stand-in-{}"),
    "key.administrators[]": _name,
    "key.break_glass[]": _name,
    "bucket": _bucket,
    "bucket.account": _name,
    "bucket.region": Mending.region,
    "bucket.name": _name,
    "bucket.object_lock.mode": lambda _: "GOVERNANCE",
    "bucket.object_lock.retention_days": lambda _: 1,
    "trails": lambda mending: [_trail(mending)],
    "trails[]": _trail,
    "trails[].name": _name,
    "trails[].account": _name,
    "trails[].home_region": Mending.region,
    "trails[].advanced_event_selectors": lambda mending: [_selector(mending)],
    "trails[].sns_topic.name": _name,
    "readers[]": _reader,
    "readers[].name": _name,
    "readers[].role": _name,
    "readers[].permission_set": _name,
    "readers[].principal_arn_like": _name,
    "readers[].account_principal": _name,
    "readers[].principal_org_path": lambda mending: mending.fresh("o-standin{:05}") + "/*",
    "readers[].principal_org_id": lambda mending: mending.fresh("o-standin{:05}"),
    "readers[].service": lambda _: "access-analyzer",
    "readers[].account": _name,
    "event_data_stores[]": _store,
    "event_data_stores[].name": _name,
    "event_data_stores[].account": _name,
    "event_data_stores[].region": Mending.region,
    "event_data_stores[].alias": lambda mending: mending.fresh("alias/stand-in-{}"),
    "event_data_stores[].queriers[]": _name,
    "event_data_stores[].administrators[]": _name,
    "event_data_stores[].break_glass[]": _name,
    "accepted_risks[].id": _name,
    "accepted_risks[].reason": _name,
}
"""What stands in for a wrong value. Everything that must be there is listed, and what would be missed; the rest is left out."""

_CONTRADICTIONS: Final[dict[str, tuple[str, ...]]] = {
    "key.alarm": ("email",),
    "bucket.lifecycle": (),
    "trails[]": (
        "insights",
        "management_events",
        "advanced_event_selectors",
        "include_global_service_events",
    ),
    "event_data_stores[]": ("billing_mode", "retention_days"),
}
"""Parts whose values contradict each other, and which of them are left out; all of them where none is listed."""
