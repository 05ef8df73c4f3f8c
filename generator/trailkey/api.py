"""The face of the package: what each command does, as a function. The command line calls these, and adds only arguments and text.

A policy is a key policy, the answer of the AWS CLI that holds one, or a template: a path, or a plain document (as JSON has it). Every
error that a user can act on is a ``TrailkeyError``. Libraries are loaded by the function that needs them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, overload

from trailkey.errors import PolicyError, TrailkeyError, UsageError
from trailkey.given import Document, Source, configs_in, files_of, is_folder, may_be_passed_over, side_of, text_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from trailkey.access.language.invariants import Invariant
    from trailkey.audit.accepted import Accepted
    from trailkey.audit.registry import Report
    from trailkey.config.deployment import Deployment
    from trailkey.decide import RequestAnswer
    from trailkey.diff.compare import Comparison
    from trailkey.intent.model import KeyIntent
    from trailkey.remembered import Result
    from trailkey.reports.view import Access, PolicyAccess

__all__ = ["TrailkeyError", "access", "audit", "decide", "diff", "generate", "load"]


def load(config: str | Path) -> Deployment:
    """Return the deployment that a config describes, with every name resolved.

    Raises:
        UsageError: a file that cannot be read.
        ConfigError: a config that is refused, with all of its problems.
    """
    from trailkey import pipeline

    return pipeline.load_all([Path(config)])[0]


def generate(
    configs: Sequence[str | Path] = (),
    output: str | Path = "output",
    *,
    as_json: bool = False,
    check: bool = False,
    cache: bool = True,
    progress: Callable[[str], None] = lambda _: None,
) -> list[Result]:
    """Build, check and write every deployment to a folder of its name, and return what became of each file there.

    Nothing is written unless every template of every config passes.

    Args:
        configs: config files; where none is given every ``*.yaml`` and ``*.yml`` in ``config/``, and ``trailkey.yaml``.
        output: the folder that holds the deployments' folders.
        as_json: write templates in JSON and not in YAML.
        check: write nothing; the results say what differs.
        cache: take what was proven and linted of the same bytes before from the user's cache folder, and keep it there.
        progress: called with each step as it begins.

    Raises:
        UsageError: no config is given, and none is found; a file that cannot be read; a text in place of a list.
        ConfigError: the problems of all configs.
        CheckError: the findings of all templates.
        OutputError: the output could not be written.
    """
    from trailkey.checks.cache import users_store
    from trailkey.checks.workers import Linter
    from trailkey.remembered import Run, unchanged

    if isinstance(configs, (str, Path)):
        raise UsageError(f"configs: {str(configs)!r} is one path; a list of paths is expected; put it into a list")
    paths = [Path(config) for config in configs] or configs_in(Path())
    store = users_store() if cache else None
    if store and (found := unchanged(Run(paths, Path(output), as_json), store)) is not None:
        return found
    linter = Linter()
    linter.start()  # before all else is loaded: it takes longest
    from trailkey import pipeline

    return pipeline.generate(
        paths, Path(output), as_json=as_json, check=check, progress=progress, store=store, linter=linter
    )


@overload
def access(source: str | Path) -> Access: ...


@overload
def access(
    *,
    policy: Source,
    key_account: str = "",
    region: str = "",
    parameters: Mapping[str, str] | None = None,
) -> PolicyAccess: ...


def access(
    source: str | Path | None = None,
    *,
    policy: Source | None = None,
    key_account: str = "",
    region: str = "",
    parameters: Mapping[str, str] | None = None,
) -> Access | PolicyAccess:
    """Return who can do what with the keys of a config or an output folder, what is proven, and what fails (``findings``).

    A policy has no config that says what it is for: who can do what, by whoever the policy itself speaks of.

    Args:
        source: a config or an output folder.
        policy: in their place, a key policy or a template with keys.
        key_account: the account that owns the policy's key, where the policy does not show it.
        region: the Region of the policy's key.
        parameters: values of the template's parameters.

    Raises:
        UsageError: a file that cannot be read, a folder that ``generate`` did not write, or neither or both of the two sources.
        ConfigError: a config that is refused.
        CheckError: templates that exceed a limit; an output folder whose rollout.json is not consistent.
        PolicyError: an output folder with a file that cannot be read; a policy with a statement that cannot.
    """
    from trailkey import pipeline
    from trailkey.proofs.verdict import verdict
    from trailkey.reports.view import access_of

    if (source is None) == (policy is None):
        raise UsageError("access: name a config, an output folder or --policy FILE, one of them")
    if policy is not None:
        return _access_of_policy(policy, key_account, region, parameters or {})
    if key_account or region or parameters:
        raise UsageError(
            "--key-account, --region, --parameter: for --policy only; configs and output folders have their own; leave them out"
        )
    path = Path(source or "")
    if is_folder(path):
        deployment, folder = pipeline.open_folder(path)
    else:
        rendered = pipeline.render_within_limits(load(path))
        deployment, folder = rendered.deployment, rendered.folder
    return access_of(deployment, folder.policies, verdict(deployment, folder))


def _access_of_policy(policy: Source, key_account: str, region: str, parameters: Mapping[str, str]) -> PolicyAccess:
    from trailkey.intent import from_options
    from trailkey.inventory import find_policies
    from trailkey.reports.view import policy_access

    text, what = text_of(policy, "policy")
    account, given = from_options.key_account(key_account), from_options.region(region, parameters)
    return policy_access(find_policies(text, what, key_account=account, parameters=given))


def decide(
    policies: Source, requests: str | Path | Document | Sequence[Document], *, key_account: str = ""
) -> list[RequestAnswer]:
    """Return the answer to each request, with the statements that decide.

    Args:
        policies: a config or an output folder, whose key and bucket policies are asked; or a policy of one key.
        requests: one request or a list of them, as a document or in a file.
        key_account: the account that owns the key of a policy, where neither the policy nor a request names it.

    Raises:
        UsageError: a file that cannot be read, or accounts that contradict one another.
        ConfigError: a config that is refused.
        CheckError: templates that exceed a limit; an output folder whose rollout.json is not consistent.
        PolicyError: a policy or request that cannot be read, or a request that none of the policies is about.
    """
    from trailkey.decide import answers_of_deployment, answers_of_policy

    side, asked = side_of(policies), text_of(requests, "requests")
    if side.policies is None:
        return answers_of_policy((side.text, side.what), asked, key_account)
    if key_account:
        raise UsageError(
            "--key-account: for --policy only; configs and output folders have accounts of their own; leave it out"
        )
    return answers_of_deployment(side.policies, asked)


def audit(
    policy: Source | Sequence[str | Path],
    *,
    key_account: str = "",
    region: str = "",
    parameters: Mapping[str, str] | None = None,
    trails: Sequence[str] = (),
    organization: str = "",
    readers: Sequence[str] = (),
    administrators: Sequence[str] = (),
    deployer: str = "",
    break_glass: Sequence[str] = (),
    lake: bool = False,
    baseline: str | Path | Document | None = None,
    invariants: str | Path | Document | None = None,
    skip_others: bool = False,
) -> Report:
    """Return what is wrong with policies, over all requests, and what was assumed where nothing says what they are for.

    Args:
        policy: what is judged, or several files: the policy of a key, of a log bucket or of a topic, or a template with them, its
            trails and its IAM policies. A folder stands for the files in it, at any depth, that hold such policies.
        key_account: the account that owns the key, or the bucket.
        region: the Region of the key; where it is left out, the one that the policy shows, or else the Region of its trails.
        parameters: values of the template's parameters.
        trails: ARNs of the trails that the key is for.
        organization: the organization's id, ``o-…``.
        readers: who reads: ARNs of roles or users (``*`` and ``?`` allowed), accounts, or the organization.
        administrators: who administers the key, as ARNs of roles or users.
        deployer: the role that creates and updates the key.
        break_glass: who may delete and repair the key.
        lake: whether the key is an event data store's, and no trail's.
        baseline: findings that are accepted: a mapping with the list ``accept``, as a document or in a file. Each has the ``id`` of
            a finding and a ``reason``, and where needed ``file``, ``key`` and ``statement``.
        invariants: what has to be so of each key: a mapping with the list ``invariants``, as a document or in a file. Each ``says`` a
            sentence, and has ``nobody_but`` (callers) with ``may`` (actions), or ``who`` with ``can``; ``where`` holds condition keys
            to values, and ``key`` names one key of a template.
        skip_others: whether a file that is named and holds no key policy is passed over, and not refused.

    Raises:
        UsageError: a file that cannot be read, or an argument of another form.
        PolicyError: no key policy, or one that cannot be resolved; a baseline of another form.
    """
    from trailkey.audit.registry import together
    from trailkey.intent import from_options

    intent = from_options.intent(
        trails=trails,
        organization=organization,
        readers=readers,
        administrators=administrators,
        deployer=deployer,
        break_glass=break_glass,
        lake=lake,
    )
    account = from_options.key_account(key_account)
    asked = _Asked(
        intent=intent,
        account=account,
        parameters=from_options.region(region, parameters or {}),
        trails_region=from_options.region_of(trails),
        invariants=_invariants(invariants),
    )
    several = policy if isinstance(policy, Sequence) and not isinstance(policy, str) else [policy]
    if not several:
        raise UsageError("policy: none is named; files, folders or a document are expected; name one")
    files = list(files_of(several, skip_others=skip_others))
    reports = [_audited(source, asked, named=named, alone=len(files) == 1) for source, named in files]
    return together(reports, _baseline(baseline))


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the options of an audit say, whatever it is of."""

    intent: KeyIntent
    account: str
    parameters: Mapping[str, str]
    trails_region: str
    invariants: Sequence[Invariant]


def _audited(source: Source, asked: _Asked, *, named: bool, alone: bool) -> Report:
    from trailkey.audit.registry import Report, audit_all, unreadable
    from trailkey.inventory import find_policies
    from trailkey.inventory.kinds import DELIVERY, KEY

    text, what = text_of(source, "policy")
    try:
        found = find_policies(
            text,
            what,
            key_account=asked.account,
            parameters=asked.parameters,
            trails_region=asked.trails_region,
            kinds=(KEY, *DELIVERY),
        )
    except PolicyError as error:
        if alone and named:
            raise
        if named or not may_be_passed_over(text, error):
            return Report((unreadable(what, str(error)),), ())
        return Report((), (), passed_over=(what,))
    return audit_all(found, asked.intent, asked.invariants)


def _baseline(source: str | Path | Document | None) -> list[Accepted]:
    from trailkey import cloudformation
    from trailkey.audit.accepted import accepted_of
    from trailkey.audit.registry import ids
    from trailkey.findings import Location

    if source is None:
        return []
    text, what = text_of(source, "baseline")
    document = cloudformation.load(text, what)
    if not isinstance(document, dict) or document.keys() != {"accept"}:
        raise PolicyError(f"{what}: not a mapping with accept alone; accept with a list of findings; correct it")
    return accepted_of(document["accept"], Location(file=what, config_path="accept"), ids())


def _invariants(source: str | Path | Document | None) -> list[Invariant]:
    from trailkey import cloudformation
    from trailkey.audit.invariants import parse_invariants

    if source is None:
        return []
    text, what = text_of(source, "invariants")
    return parse_invariants(cloudformation.load(text, what), what)


def diff(
    old: Source,
    new: Source,
    *,
    key_account: str = "",
    parameters: Mapping[str, str] | None = None,
    renames: Mapping[str, str] | None = None,
) -> Comparison:
    """Return who gains and who loses access from one source of policies to another.

    Args:
        old: a policy, an output folder, or a config.
        new: what it is compared with; where it is a config that extends OLD, its names first take the place of OLD's.
        key_account: the account of the key, where a policy does not show it.
        parameters: values of a template's parameters.
        renames: names of OLD, such as account ids, with what they are in NEW.

    Raises:
        UsageError: nothing that can be read, or arguments that the sources do not take.
        ConfigError: a config that is refused.
        CheckError: templates that exceed a limit; an output folder whose rollout.json is not consistent.
        PolicyError: a policy that cannot be judged; keys that are in different accounts.
    """
    from trailkey.diff.compare import compare_sides

    sides = side_of(old, "old"), side_of(new, "new")
    return compare_sides(*sides, key_account=key_account, parameters=parameters or {}, renames=renames or {})
