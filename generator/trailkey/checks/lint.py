"""What cfn-lint says about rendered templates: the only importer of cfn-lint, and only when there is something to lint.

One rule set serves all templates of a process: building it takes as long as linting ten of them. Nothing outside this module may weaken
it: cfn-lint by itself obeys a `.cfnlintrc` in the working or home folder, `Metadata: cfn-lint` in a template, AWS_REGION,
and schemas that someone downloaded earlier. A finding so depends on the template, its Regions and cfn-lint's version alone.
"""

from __future__ import annotations

import gc
import logging
import os
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from trailkey.checks.cache import key_of
from trailkey.checks.quick_rules import ask_who_names_the_place
from trailkey.errors import UsageError
from trailkey.findings import Finding, Location, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from trailkey.checks.cache import Store

Answer = Callable[[], "dict[str, list[LintMatch]]"]
"""What waits until templates are linted, and returns what is found by the names of their files."""
Asked = Callable[["Mapping[str, LintInput]"], Answer]
"""What is asked to lint templates."""

_SEVERITIES: Final[dict[str, Severity]] = {"E": "error", "W": "warning", "I": "note"}


@dataclass(frozen=True, slots=True)
class LintInput:
    """A template's text and the Regions it is deployed to: property values are judged by each one's own schemas."""

    text: str
    regions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LintMatch:
    """One observation of cfn-lint. ``path`` leads to the value at fault, as in ``("Resources", "Key", "Properties")``."""

    file: str
    line: int
    path: tuple[str | int, ...]
    rule: Rule
    message: str

    @property
    def logical_id(self) -> str:
        """The resource at fault, for the way back to the config line; empty where it is another part of the template."""
        return str(self.path[1]) if len(self.path) > 1 and self.path[0] == "Resources" else ""

    def as_json(self) -> dict[str, Any]:
        """Return this as a plain document, without the file: the same text has the same matches wherever it is."""
        return {"line": self.line, "path": [*self.path], "rule": asdict(self.rule), "message": self.message}

    @classmethod
    def from_json(cls, file: str, written: Mapping[str, Any]) -> LintMatch:
        """Return the match that a document of ``as_json`` is, in a file.

        Raises:
            KeyError, TypeError: another form.
        """
        rule = Rule(**written["rule"])
        return cls(file=file, line=written["line"], path=tuple(written["path"]), rule=rule, message=written["message"])

    def finding(self) -> Finding:
        """Return this as a finding; the message begins with what the location does not say of the path."""
        path = "/".join(map(str, self.path[2:] if self.logical_id else self.path))
        return Finding(
            rule=self.rule,
            severity=self.rule.severity,
            location=Location(file=self.file, line=self.line, logical_id=self.logical_id),
            message=f"{path}: {self.message}" if path else self.message,
        )


def lint(templates: Mapping[str, LintInput], store: Store | None = None) -> list[LintMatch]:
    """Return everything cfn-lint finds, informational rules included, by file in the order given, then by line and rule.

    Meant for text of our own: what cannot be read is a match of E0000, but PyYAML under cfn-lint crashes on text nested by
    tens of thousands of levels, which `trailkey.cloudformation.load` refuses.

    Args:
        templates: texts by the names of their files.
        store: what remembers findings of the same text in the same Regions; such a text is not linted again.

    Raises:
        UsageError: a Region that cfn-lint does not know.
    """
    return begin(templates, store, lambda some: lambda: lint_here(some))()


def begin(templates: Mapping[str, LintInput], store: Store | None, asked: Asked) -> Callable[[], list[LintMatch]]:
    """Let what is not remembered be linted, and return what waits for it and returns all that is found, as ``lint`` does."""
    keys = {file: key_of_text(one) for file, one in templates.items()} if store else {}
    before = {file: _remembered(file, store.get(key)) for file, key in keys.items()} if store else {}
    known = {file: found for file, found in before.items() if found is not None}
    answer = asked({file: one for file, one in templates.items() if file not in known})

    def end() -> list[LintMatch]:
        fresh = answer()
        for file, found in fresh.items():
            if store:
                store.put(keys[file], [match.as_json() for match in found])
        return [match for file in templates for match in (known[file] if file in known else fresh[file])]

    return end


def key_of_text(template: LintInput) -> str:
    """Return what the findings in a text are remembered by."""
    return key_of("lint", template.text, *template.regions)


def _remembered(file: str, entry: Any) -> list[LintMatch] | None:
    """Return the matches that an entry of a store holds, for a file; None where it holds none of this form."""
    try:
        return None if entry is None else [LintMatch.from_json(file, one) for one in entry]
    except (KeyError, TypeError):
        return None


@cache
def prepare() -> tuple[Any, frozenset[str]]:
    """Load cfn-lint, and return its rule set and the Regions it knows.

    That takes half a second and 60 MiB: `trailkey --help` and a run with nothing to lint do without.
    """
    with _collector_resting():
        _use_bundled_schemas()
        return _rules()


def lint_here(templates: Mapping[str, LintInput]) -> dict[str, list[LintMatch]]:
    """Return what cfn-lint finds in each template, in this process.

    Raises:
        UsageError: a Region that cfn-lint does not know.
    """
    if not templates:
        return {}
    rules, known_regions = prepare()
    _use_bundled_schemas()
    for file, template in templates.items():
        if unknown := sorted(set(template.regions) - known_regions):
            raise UsageError(
                f"{file}: Region {unknown[0]} is unknown to cfn-lint, so the template cannot be checked for it; "
                "correct it in the config, or install a newer cfn-lint"
            )
    return {
        file: sorted(
            _lint_one(file, template, _config(template.regions), rules),
            key=lambda match: (match.line, match.rule.id, match.message, str(match.path)),
        )
        for file, template in templates.items()
    }


@contextmanager
def _collector_resting() -> Iterator[None]:
    """Keep the collector from looking through what lives as long as the process: as it is loaded, and ever after.

    Otherwise that takes a tenth of the run and more.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if collecting:
            gc.enable()


def _use_bundled_schemas() -> None:
    """Keep cfn-lint from schemas in the user's cache, which it prefers where they are newer than those it came with.

    Raises:
        RuntimeError: it came without them, so it would fetch them over the network.
    """
    import cfnlint
    from cfnlint.schema import PROVIDER_SCHEMA_MANAGER as MANAGER

    bundled = Path(cfnlint.__file__).parent / "data" / "schemas"
    if not (bundled / "providers" / "us-east-1.json").is_file():
        raise RuntimeError(f"cfn-lint came without the schemas of resources: {bundled}")
    if (MANAGER._providers_dir, MANAGER._resources_dir) != (bundled / "providers", bundled / "resources"):  # noqa: SLF001 (no public way)
        MANAGER._providers_dir, MANAGER._resources_dir = bundled / "providers", bundled / "resources"  # noqa: SLF001 # the same
        MANAGER.reset()


def _rules() -> tuple[Any, frozenset[str]]:
    from cfnlint.config import _DEFAULT_RULESDIR
    from cfnlint.helpers import REGIONS
    from cfnlint.rules import Rules

    logging.getLogger("cfnlint").addHandler(logging.NullHandler())  # matches say it; only the command line prints
    rules = Rules.create_from_directory(_DEFAULT_RULESDIR)
    if "E1101" in rules:
        ask_who_names_the_place(rules["E1101"])
    return rules, frozenset(REGIONS)


@cache
def _config(regions: tuple[str, ...]) -> Any:
    from cfnlint.config import ConfigMixIn

    # A config file that is named, and empty, keeps cfn-lint from looking for others.
    config = ConfigMixIn(
        ["--config-file", os.devnull],
        regions=list(regions),
        include_checks=["I"],
        mandatory_checks=["E", "W", "I"],  # beats ignore_checks of a resource's Metadata
    )
    config.set_template_args = lambda _template: None  # and those of the template's Metadata: rule settings among them
    return config


def _lint_one(file: str, template: LintInput, config: Any, rules: Any) -> Iterator[LintMatch]:
    from cfnlint.decode import decode_str
    from cfnlint.runner import run_template_by_data

    document, matches = decode_str(template.text)
    for match in matches or run_template_by_data(document, config, rules):
        yield LintMatch(
            file=file,
            line=match.linenumber,
            path=tuple(part if isinstance(part, int) else str(part) for part in getattr(match, "path", ())),
            rule=Rule(
                id=match.rule.id,
                severity=_SEVERITIES.get(match.rule.id[:1], "error"),
                title=match.rule.shortdesc,
                reason=match.rule.description,
                source=match.rule.source_url,
                remedy="",
            ),
            message=f"{match.message} ({match.rule.shortdesc})",
        )
