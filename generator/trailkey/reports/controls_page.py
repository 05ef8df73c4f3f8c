"""docs/controls.md: which controls the examples pass, and what scanners say of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trailkey.reports.controls import CONTROLS, failing, page_of
from trailkey.reports.scanners import EXPLAINED

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from trailkey.inventory.folder import Folder

_HEAD = """# Controls

What Security Hub, CIS AWS Foundations and AWS Config ask of the resources that trailkey makes, and whether the examples in `output/`
pass, read from their templates. A cell says *pass*, or names the resources that do not; *n/a* stands where an example has no such
resource. Whether an account has the same is for those services to say: they look at the account, this at the template."""

_SCANNERS = """## Scanners

Findings of checkov, cdk-nag and parliament on the templates of the examples that stay, each with the reason."""


def controls_page(folders: Mapping[str, Folder]) -> str:
    """Return the page, with a column for each folder by its name."""
    return "\n".join([_HEAD, "", *_controls(folders), "", _SCANNERS, "", *_scanners()]) + "\n"


def _controls(folders: Mapping[str, Folder]) -> Iterator[str]:
    yield f"| control | CIS | what holds | {' | '.join(folders)} | to pass, or why not |"
    yield f"|{' --- |' * (len(folders) + 4)}"
    for one in CONTROLS:
        found = [failing(one, folder) for folder in folders.values()]
        cells = ["n/a" if ids is None else "pass" if not ids else _said(ids) for ids in found]
        remedy = one.remedy if any(found) else ""
        yield f"| [{one.id}]({page_of(one)}) | {one.cis} | {one.title} | {' | '.join(cells)} | {remedy} |"


def _said(ids: list[str]) -> str:
    shown = ", ".join(sorted(set(ids))[:3])
    return f"**no**: {shown}{f' and {len(set(ids)) - 3} more' if len(set(ids)) > 3 else ''}"


def _scanners() -> Iterator[str]:
    yield "| scanner | rules | type | why |"
    yield "| --- | --- | --- | --- |"
    for one in EXPLAINED:
        yield f"| {one.scanner} | {one.rules} | {', '.join(one.kinds)} | {one.why} |"
