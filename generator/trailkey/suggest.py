"""What a message means for a deployment, and which change of its config would let the call through, with the access that opens."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from trailkey.aws import parse_arn
from trailkey.errors import CheckError, ConfigError, PolicyError
from trailkey.explain.documents import said_in
from trailkey.explain.explained import Explanation, Proposal
from trailkey.explain.messages import messages_in
from trailkey.findings import Location
from trailkey.given import is_folder

if TYPE_CHECKING:
    from pathlib import Path

    from trailkey.aws import Arn
    from trailkey.config.deployment import Deployment
    from trailkey.config.source import ConfigPath
    from trailkey.explain.deployed import Judged, Policies
    from trailkey.explain.messages import Message

_SSO: Final = re.compile(r"AWSReservedSSO_(.+)_[0-9a-f]{16}")


def explain(text: str, config: Path | None = None) -> list[Explanation]:
    """Return what the messages of AWS in a text mean, the innermost first; one that is not known, where none is known.

    Args:
        text: an error as it is pasted, a CloudTrail event, or an answer of the AWS CLI, with anything around it.
        config: a config or an output folder, on whose policies the failed calls are decided.

    Raises:
        UsageError: a config or folder that cannot be read.
        ConfigError: a config that is refused.
        CheckError: templates that exceed a limit; an output folder whose rollout.json is not consistent.
        PolicyError: an output folder with a file that cannot be read.
    """
    messages = messages_in(said_in(text))
    if config is None:
        return [Explanation(message=one) for one in messages]
    from trailkey.explain.deployed import judged

    policies = _policies(config)
    found = []
    for message in messages:
        calls = tuple(judged(message, policies))
        proposals = (_proposal(one, policies) for one in calls)
        proposal = next(filter(None, proposals), None)
        found.append(
            Explanation(
                message=message, asked=True, judged=calls, proposal=proposal, line=_line(message, policies.deployment)
            )
        )
    return found


def _line(message: Message, deployment: Deployment) -> Location | None:
    """Return the line of the config that a message is about whose call no policy here decides; None where none is known to be."""
    facts, cause = message.facts, message.cause.id
    path: ConfigPath | None = None
    if cause == "deployer_may_not_create_key":
        names = [name for name, one in deployment.accounts.items() if one.id == facts.account]
        path = ("accounts", names[0], "deployer") if names else ("accounts",)
    elif cause in ("trail_exists", "trail_not_in_this_region", "trail_of_delegated_administrator", "too_many_trails"):
        path = ("trails",)
    elif cause == "key_not_in_bucket_region":
        path = ("bucket", "region")
    elif cause == "resource_name_exists" and deployment.config.bucket.name in message.text:
        path = ("bucket", "name")
    return _location(path, deployment) if path else None


def _location(path: ConfigPath, deployment: Deployment) -> Location:
    from trailkey.config.source import written

    mark = deployment.mark(path)
    return Location(file=mark.file, line=mark.line, config_path=written(path))


def _policies(path: Path) -> Policies:
    from trailkey import pipeline
    from trailkey.explain.deployed import Policies

    if is_folder(path):
        deployment, folder = pipeline.open_folder(path)
        return Policies(deployment=deployment, here=folder.policies, meant=pipeline.folder_of(deployment).policies)
    (deployment,) = pipeline.load_all([path])
    meant = pipeline.folder_of(deployment).policies
    return Policies(deployment=deployment, here=meant, meant=meant)


def _proposal(one: Judged, policies: Policies) -> Proposal | None:
    """Return the change that admits a caller whom the config does not name; None where no change of this kind does."""
    from trailkey import pipeline
    from trailkey.config.load import load_text
    from trailkey.diff.compare import compare_policies
    from trailkey.explain.deployed import READING

    if one.allows or one.denies or one.meant or one.foreign:
        return None
    principal = str(one.request.get("context", {}).get("aws:PrincipalArn") or one.request["principal"])
    arn = parse_arn(principal)
    if arn is None or not arn.account:
        return None
    deployment = policies.deployment
    data = json.loads(json.dumps({name: value for name, value in deployment.source.data.items() if name != "extends"}))
    if one.request["action"] in READING:
        text, path = _reader(arn, data, deployment)
    elif one.request["action"] == "kms:PutKeyPolicy" and arn.account == deployment.key_account.id:
        text, path = _deployer(arn, data, deployment)
    else:
        return None
    if not text:
        return None
    try:
        after = pipeline.folder_of(load_text(json.dumps(data), deployment.source.file)).policies
        opens = compare_policies(policies.meant, after)
    except (ConfigError, CheckError, PolicyError):  # a change that the config itself refuses is none
        return None
    return Proposal(text=text, config=_location(path, deployment), opens=opens)


def _reader(arn: Arn, data: dict[str, Any], deployment: Deployment) -> tuple[str, ConfigPath]:
    """Add a reader to a config, and its account where that is not listed; return what was added, in words, and where."""
    known = {one.id: name for name, one in deployment.accounts.items()}
    account = known.get(arn.account, "caller")
    added = []
    if arn.account not in known:
        data["accounts"][account] = {"id": arn.account, "ours": False}
        added.append(
            f'accounts: add {account}: {{id: "{arn.account}", ours: false}}, or with a deployer where the account is yours'
        )
    resource = _role(arn)
    permission_set = _SSO.fullmatch(resource.rpartition("/")[2])
    called = permission_set[1] if permission_set else resource.rpartition("/")[2]
    reader: dict[str, str] = {"name": re.sub(r"[^a-z0-9]+", "-", called.lower()).strip("-")[:40] or "reader"}
    if permission_set:
        reader |= {"permission_set": permission_set[1], "account": account}
    elif resource.startswith("role/"):
        reader["role"] = f"{account}:{resource}"
    elif resource.startswith("user/"):
        reader["principal_arn_like"] = f"{account}:{resource}"
    else:
        return "", ()
    data.setdefault("readers", []).append(reader)
    added.append(f"readers: add {{{', '.join(f'{key}: {value}' for key, value in reader.items())}}}")
    return "; ".join(added), ("readers",)


def _deployer(arn: Arn, data: dict[str, Any], deployment: Deployment) -> tuple[str, ConfigPath]:
    """Make the caller the deployer of the key's account in a config; return the change in words, and where it is."""
    account, resource = deployment.key_account.name, _role(arn)
    if not resource.startswith("role/"):
        return "", ()
    data["accounts"][account]["deployer"] = resource
    return f"accounts.{account}: deployer: {resource}", ("accounts", account, "deployer")


def _role(arn: Arn) -> str:
    """Return a role or user as a config names it: of a session the role, whose path the session does not show."""
    kind, _, rest = arn.resource.partition("/")
    return f"role/{rest.partition('/')[0]}" if kind == "assumed-role" else arn.resource
