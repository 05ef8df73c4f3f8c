"""The policies of a text, of keys and of what trails deliver to: a policy document, the AWS CLI's answer that holds one, or a CloudFormation template.

The text is a file's, or standard input's.
"""

from __future__ import annotations

import difflib
import json
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from trailkey import cloudformation
from trailkey.aws import ACCOUNT_ID, CLOUDTRAIL
from trailkey.cloudformation.intrinsics import NO_VALUE
from trailkey.cloudformation.loops import unrolled
from trailkey.cloudformation.shapes import kind_of, mapping_in
from trailkey.errors import NoKeyPolicyError, PolicyError, UsageError, refusal
from trailkey.files import decoded, read_file, read_stream
from trailkey.findings import Location
from trailkey.inventory.kinds import DELIVERY, KEY
from trailkey.inventory.ownership import admits_service, listed, statements_of
from trailkey.inventory.resource_policy import PolicySource
from trailkey.inventory.users import TRAIL

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping
    from pathlib import Path

    from trailkey.inventory.kinds import PolicyKind
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

_NOUNS: Final = {
    (KEY,): "a key policy, the answer of aws kms get-key-policy, or a CloudFormation template with a key is expected",
    (
        KEY,
        *DELIVERY,
    ): "the policy of a key, of a log bucket or of a topic, the AWS CLI's answer that holds one, or a CloudFormation "
    "template with a key is expected",
}
"""What is expected, by the kinds of policies that are looked for."""


def find_policies(
    text: str,
    what: str,
    *,
    key_account: str = "",
    parameters: Mapping[str, str] | None = None,
    trails_region: str = "",
    kinds: tuple[PolicyKind, ...] = (KEY,),
) -> list[ResourcePolicy]:
    """Return the policies that a text holds, keys' first, else in its order, each as AWS would take it.

    A policy whose conditions depend on parameters that are not given is returned once for each form it can take. Of a template's
    buckets and topics those are returned that a trail of the template delivers to, or whose policy lets CloudTrail in.

    Args:
        text: a policy document, an answer of the AWS CLI that holds one, or a template; JSON or YAML.
        what: how errors and places name the text.
        key_account: the account that owns the key; where it is left out it is read off the policy, or made up.
        parameters: values of the template's parameters, and of those of `PSEUDO`.
        trails_region: the Region of the key's trails, which is taken for the key's where nothing else says it.
        kinds: which policies are looked for: of keys, or of buckets and topics too.

    Raises:
        UsageError: a parameter that the template does not have, or one that contradicts the account.
        PolicyError: the text holds no such policy, or one that cannot be resolved; with the place and the reason.
    """
    if key_account and not ACCOUNT_ID.fullmatch(key_account):
        raise PolicyError(f"--key-account: {key_account!r} is not a valid account id; 12 digits; correct it")
    document = _unpacked(cloudformation.load(text, what), what)
    given = dict(parameters or {})
    if not isinstance(document, dict):
        raise NoKeyPolicyError(f"{what}: {_kind(document)}, not a key policy; {_NOUNS[kinds]}; name another file")
    if "Resources" in document:
        template, sentences = _whole(document, what, given)
        refuse_unknown(given, parameters_of(template), what)
        source = PolicySource(template, _account(key_account, given), given, trails_region)
        return [
            replace(one, assumptions=(*one.assumptions, *sentences))
            for one in _in_template(template, what, source, kinds)
        ]
    if "Statement" not in document:
        keys = ", ".join(map(repr, list(document)[:5])) or "no keys at all"
        raise NoKeyPolicyError(
            f"{what}: a mapping with {keys}, but neither Statement nor Resources; {_NOUNS[kinds]}; {_advice(document)}"
        )
    kind = _kind_of_policy(document, what, kinds)
    refuse_unknown(given, (), what)
    source = PolicySource({}, _account(key_account, given), given, trails_region)
    found = source.policies(document, Location(file=what), kind=kind)
    if not found:
        raise PolicyError(
            f"{what}: the policy of a {kind.noun} whose statements name none as Resource, or several as often; one is expected; write its ARN there"
        )
    return found


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
    """Return the document that the AWS CLI's answer holds (of get-key-policy, get-template and their like), or the document itself."""
    inner = document
    if isinstance(document, dict) and isinstance(body := document.get("TemplateBody"), (str, dict)):
        return cloudformation.load(body, f"{what}: TemplateBody") if isinstance(body, str) else body
    holder = document.get("Attributes", document) if isinstance(document, dict) else None
    if isinstance(holder, dict) and isinstance(holder.get("Policy"), str) and "Statement" not in holder:
        inner = holder["Policy"]
    if isinstance(inner, str) and inner.lstrip().startswith("{"):
        return cloudformation.load(inner, f"{what}: Policy")
    return document


def _kind_of_policy(document: dict[str, Any], what: str, kinds: tuple[PolicyKind, ...]) -> PolicyKind:
    """Return which kind of policy a document is, by the actions of its statements.

    Raises:
        NoKeyPolicyError: it is plainly none of the kinds: it names no principals, or only other services' actions.
    """
    statements = statements_of(document)
    if statements and not any(name in one for one in statements for name in ("Principal", "NotPrincipal")):
        raise NoKeyPolicyError(
            f"{what}: a policy whose statements name no Principal, so one of IAM; {_NOUNS[kinds]}; for IAM policies ask trailkey decide with identity_policies"
        )
    actions = [action for one in statements for action in listed(one.get("Action", "*")) if isinstance(action, str)]
    services = sorted({action.partition(":")[0].casefold() for action in actions if "Fn::" not in action})
    found = [kind for kind in kinds if kind.service in services]
    if services and not found and not any("*" in service for service in services):
        names = " or ".join(kind.service for kind in kinds)
        raise NoKeyPolicyError(
            f"{what}: a policy on actions of {', '.join(services)}, not of {names}; {_NOUNS[kinds]}; name the key's policy"
        )
    return found[0] if found else KEY


def _in_template(
    template: dict[str, Any], what: str, source: PolicySource, kinds: tuple[PolicyKind, ...]
) -> list[ResourcePolicy]:
    found: list[ResourcePolicy] = []
    keys = {name: resource for name, resource in template["Resources"].items() if kind_of(resource) in KEY.holders}
    for logical_id, resource in keys.items():
        location = Location(file=what, logical_id=logical_id)
        policies = source.policies(_policy_of(resource, location), location, resource.get("Condition"))
        found += [replace(one, accepted=in_metadata(resource)) for one in policies]
    owners = {one.account for one in found}
    beside = replace(source, account=owners.pop()) if len(owners) == 1 else source
    delivered = [one for kind in kinds if kind in DELIVERY for one in _delivered(template, what, beside, kind)]
    if not keys and not delivered:
        more = ", no policy of a bucket or topic that CloudTrail writes to" if len(kinds) > 1 else ""
        raise NoKeyPolicyError(
            f"{what}: a CloudFormation template with no {' and no '.join(KEY.holders)}{more}; {_NOUNS[kinds]}; name the template that holds the key"
        )
    if not found and not delivered:
        raise PolicyError(
            f"{what}: under these parameters the template makes no key: the Condition of {', '.join(keys)} is false; a template that makes one is expected; give other parameters"
        )
    return found + delivered


def _delivered(template: dict[str, Any], what: str, source: PolicySource, kind: PolicyKind) -> Iterator[ResourcePolicy]:
    """Yield the policies of the buckets or topics of a template that trails deliver to, one that is missing too."""
    for logical_id, resource in template["Resources"].items():
        of = kind_of(resource)
        if of == kind.bare or of in kind.holders:
            written = mapping_in(resource, "Properties").get(kind.element, NO_VALUE) if of in kind.holders else NO_VALUE
            location = Location(file=what, logical_id=logical_id)
            for one in source.policies(written, location, resource.get("Condition"), kind):
                if any(user.kind == TRAIL for user in one.users) or admits_service(one.document, CLOUDTRAIL):
                    yield replace(one, accepted=in_metadata(resource))


def in_metadata(resource: Mapping[str, Any]) -> Any:
    """Return what the Metadata of a resource says is accepted, as it is written; None where it says nothing."""
    return mapping_in(mapping_in(resource, "Metadata"), "trailkey").get("accept")


def _policy_of(resource: dict[str, Any], location: Location) -> Any:
    """Return what a resource says of its key policy; ``NO_VALUE`` where it says nothing, so that KMS makes the default one."""
    properties = resource.get("Properties", {})
    if not isinstance(properties, dict):
        raise PolicyError(f"{location}: Properties: {_kind(properties)}; a mapping of properties; correct it")
    if KEY.element not in properties and resource["Type"] != KEY.holders[0]:
        raise PolicyError(f"{location}: {KEY.element}: missing; {resource['Type']} requires one; add it")
    return properties.get(KEY.element, NO_VALUE)


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
