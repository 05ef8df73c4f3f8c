"""The key policies of a text: a policy document, the AWS CLI's answer that holds one, or a CloudFormation template.

The text is a file's, or standard input's.
"""

from __future__ import annotations

import difflib
import json
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from trailkey import cloudformation
from trailkey.aws import ACCOUNT_ID
from trailkey.cloudformation.intrinsics import NO_VALUE
from trailkey.cloudformation.loops import unrolled
from trailkey.cloudformation.shapes import kind_of, mapping_in
from trailkey.errors import NoKeyPolicyError, PolicyError, UsageError, refusal
from trailkey.files import decoded, read_file, read_stream
from trailkey.findings import Location
from trailkey.inventory.key_policy import KeySource
from trailkey.inventory.ownership import listed, statements_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from pathlib import Path

    from trailkey.inventory.policies import ResourcePolicy

PSEUDO: Final = ("AWS::AccountId", "AWS::Partition", "AWS::Region")
"""The pseudo parameters that may be given a value: where the stack is deployed."""

SECTIONS: Final = frozenset(
    (
        *(
            "AWSTemplateFormatVersion",
            "Conditions",
            "Description",
            "Globals",
            "Hooks",
            "Mappings",
            "Metadata",
            "Outputs",
        ),
        *("Parameters", "Resources", "Rules", "Transform"),
    )
)
"""What a template may hold. https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-anatomy.html"""

KEY: Final = "AWS::KMS::Key"
REPLICA: Final = "AWS::KMS::ReplicaKey"
_EXPECTED: Final = (
    "a key policy, the answer of aws kms get-key-policy, or a CloudFormation template with a key is expected"
)


def find_policies(
    text: str,
    what: str,
    *,
    key_account: str = "",
    parameters: Mapping[str, str] | None = None,
    trails_region: str = "",
) -> list[ResourcePolicy]:
    """Return the key policies that a text holds, in its order, each as KMS would take it.

    A policy whose conditions depend on parameters that are not given is returned once for each form it can take.

    Args:
        text: a policy document, an answer of ``aws kms get-key-policy``, or a template; JSON or YAML.
        what: how errors and places name the text.
        key_account: the account that owns the key; where it is left out it is read off the policy, or made up.
        parameters: values of the template's parameters, and of those of `PSEUDO`.
        trails_region: the Region of the key's trails, which is taken for the key's where nothing else says it.

    Raises:
        UsageError: a parameter that the template does not have, or one that contradicts the account.
        PolicyError: the text holds no key policy, or one that cannot be resolved; with the place and the reason.
    """
    if key_account and not ACCOUNT_ID.fullmatch(key_account):
        raise PolicyError(f"--key-account: {key_account!r} is not a valid account id; 12 digits; correct it")
    document = _unpacked(cloudformation.load(text, what), what)
    given = dict(parameters or {})
    if not isinstance(document, dict):
        raise NoKeyPolicyError(f"{what}: {_kind(document)}, not a key policy; {_EXPECTED}; name another file")
    if "Resources" in document:
        template, sentences = _whole(document, what, given)
        refuse_unknown(given, parameters_of(template), what)
        source = KeySource(template, _account(key_account, given), given, trails_region)
        return [
            replace(one, assumptions=(*one.assumptions, *sentences)) for one in _in_template(template, what, source)
        ]
    if "Statement" not in document:
        keys = ", ".join(map(repr, list(document)[:5])) or "no keys at all"
        raise NoKeyPolicyError(
            f"{what}: a mapping with {keys}, but neither Statement nor Resources; {_EXPECTED}; {_advice(document)}"
        )
    _refuse_other_policies(document, what)
    refuse_unknown(given, (), what)
    return KeySource({}, _account(key_account, given), given, trails_region).policies(document, Location(file=what))


def declared(text: str, what: str) -> tuple[str, ...]:
    """Return the names of the parameters that a text declares: none, where it is a policy.

    Raises:
        PolicyError: the text cannot be read.
    """
    document = _unpacked(cloudformation.load(text, what), what)
    return parameters_of(document) if isinstance(document, dict) else ()


def parameters_of(template: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names of a template's parameters."""
    return tuple(mapping_in(template, "Parameters"))


def refuse_unknown(given: Iterable[str], known: Collection[str], what: str) -> None:
    """Raise UsageError where a parameter is given that a text does not have: a slip would change nothing, without a word."""
    for name in given:
        if name not in known and name not in PSEUDO:
            close = difflib.get_close_matches(name, [*known, *PSEUDO], n=1)
            has = f"has the parameters {', '.join(known)}" if known else "has no parameters"
            advice = f"did you mean {close[0]}?" if close else "correct the name, or leave it out"
            raise UsageError(f"--parameter {name}: {what} {has}, beside {', '.join(PSEUDO)}; {advice}")


def _account(key_account: str, given: Mapping[str, str]) -> str:
    """Return the key's account as the options say it, once."""
    account = given.get(PSEUDO[0], "")
    if account and not ACCOUNT_ID.fullmatch(account):
        raise UsageError(f"--parameter {PSEUDO[0]}: {account!r} is not a valid account id; 12 digits; correct it")
    if account and key_account and account != key_account:
        raise UsageError(
            f"--parameter {PSEUDO[0]}: {account}, but --key-account is {key_account}; a key is in one account; leave out one of them"
        )
    return key_account or account


def _whole(document: dict[str, Any], what: str, given: Mapping[str, str]) -> tuple[dict[str, Any], list[str]]:
    """Return a template with its loops written out and its resources together, and what had to be assumed for that."""
    beside = {name: one for name, one in document.items() if name not in SECTIONS and kind_of(one).startswith("AWS::")}
    resources = document["Resources"]
    if not isinstance(resources, dict):
        raise PolicyError(f"{what}: Resources: {_kind(resources)}; a mapping of resources; correct it")
    try:
        template = {**document, "Resources": unrolled({**beside, **resources}, document, given)}
    except PolicyError as error:
        raise PolicyError(f"{what}: Resources/{error}") from error
    said = (
        f"{', '.join(beside)} stand beside Resources, where CloudFormation refuses them; they are taken for resources"
    )
    return template, [said] if beside else []


def _advice(document: Mapping[str, Any]) -> str:
    """Return what to do with a document of another kind that people have at hand."""
    if {"Effect", "Action"} <= document.keys():
        return 'put the statement into a policy: {"Version": "2012-10-17", "Statement": [ … ]}'
    if document.keys() & {"planned_values", "resource_changes", "terraform_version"}:
        return "of a Terraform plan take the text of the policy out (terraform show -json, then values.policy of the aws_kms_key), and name that"
    if document.keys() & {"eventSource", "Records", "requestParameters"}:
        return "of a CloudTrail event take the text of the policy out (requestParameters.policy), and name that"
    if document.keys() & {"configurationItem", "configurationItems", "supplementaryConfiguration"}:
        return "of an item of AWS Config take the text of the policy out (supplementaryConfiguration.Policy), and name that"
    return "name another file"


def _unpacked(document: Any, what: str) -> Any:
    """Return the document that the AWS CLI's answer holds (of get-key-policy or get-template), or the document itself."""
    inner = document
    if isinstance(document, dict) and isinstance(body := document.get("TemplateBody"), (str, dict)):
        return cloudformation.load(body, f"{what}: TemplateBody") if isinstance(body, str) else body
    if isinstance(document, dict) and isinstance(document.get("Policy"), str) and "Statement" not in document:
        inner = document["Policy"]
    if isinstance(inner, str) and inner.lstrip().startswith("{"):
        return cloudformation.load(inner, f"{what}: Policy")
    return document


def _refuse_other_policies(document: dict[str, Any], what: str) -> None:
    """Raise PolicyError where a policy is plainly not a key policy: it names no principals, or only other services' actions."""
    statements = statements_of(document)
    if statements and not any(name in one for one in statements for name in ("Principal", "NotPrincipal")):
        raise NoKeyPolicyError(
            f"{what}: a policy whose statements name no Principal, so one of IAM; {_EXPECTED}; for IAM policies ask trailkey decide with identity_policies"
        )
    actions = [action for one in statements for action in listed(one.get("Action", "*")) if isinstance(action, str)]
    services = sorted({action.partition(":")[0].casefold() for action in actions if "Fn::" not in action})
    if services and "kms" not in services and not any("*" in service for service in services):
        raise NoKeyPolicyError(
            f"{what}: a policy on actions of {', '.join(services)}, not of kms; {_EXPECTED}; name the key's policy"
        )


def _in_template(template: dict[str, Any], what: str, source: KeySource) -> list[ResourcePolicy]:
    found: list[ResourcePolicy] = []
    keys = {name: resource for name, resource in template["Resources"].items() if _is_key(resource)}
    for logical_id, resource in keys.items():
        location = Location(file=what, logical_id=logical_id)
        policies = source.policies(_policy_of(resource, location), location, resource.get("Condition"))
        found += [replace(one, accepted=in_metadata(resource)) for one in policies]
    if not keys:
        raise NoKeyPolicyError(
            f"{what}: a CloudFormation template with no {KEY} and no {REPLICA}; {_EXPECTED}; name the template that holds the key"
        )
    if not found:
        raise PolicyError(
            f"{what}: under these parameters the template makes no key: the Condition of {', '.join(keys)} is false; a template that makes one is expected; give other parameters"
        )
    return found


def in_metadata(resource: Mapping[str, Any]) -> Any:
    """Return what the Metadata of a resource says is accepted, as it is written; None where it says nothing."""
    return mapping_in(mapping_in(resource, "Metadata"), "trailkey").get("accept")


def _is_key(resource: Any) -> bool:
    return isinstance(resource, dict) and resource.get("Type") in (KEY, REPLICA)


def _policy_of(resource: dict[str, Any], location: Location) -> Any:
    """Return what a resource says of its key policy; ``NO_VALUE`` where it says nothing, so that KMS makes the default one."""
    properties = resource.get("Properties", {})
    if not isinstance(properties, dict):
        raise PolicyError(f"{location}: Properties: {_kind(properties)}; a mapping of properties; correct it")
    if "KeyPolicy" not in properties and resource["Type"] == REPLICA:
        raise PolicyError(f"{location}: KeyPolicy: missing; {REPLICA} requires one; add it")
    return properties.get("KeyPolicy", NO_VALUE)


def _kind(value: Any) -> str:
    names = {list: "a list", str: "a text", dict: "a mapping", type(None): "nothing"}
    return names.get(type(value)) or f"the value {json.dumps(value)}"


def read_text(path: Path) -> tuple[str, str]:
    """Return the text of a file, and what errors call it; ``-`` is standard input.

    Raises:
        UsageError: no such file, not readable, too large, or not UTF-8.
    """
    try:
        if str(path) != "-":
            return decoded(read_file(path)), str(path)
        if sys.stdin is None:
            raise UsageError("-: standard input is closed; name a file, or give one to standard input")
        return decoded(read_stream(sys.stdin.buffer)), "standard input"
    except FileNotFoundError as error:
        raise UsageError(f"{path}: no such file; name a file that is there") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: not UTF-8 text; save it as UTF-8") from error
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: cannot be read ({refusal(error)}); name a readable file") from error
