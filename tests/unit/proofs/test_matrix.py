"""The access matrix: each cell thought through by hand, changed by exactly what changes it, and held against single requests."""

from __future__ import annotations

import copy
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import pytest

from helpers import CONFIGS, deploy
from helpers import ORGANIZATION as ORGANIZATION_CONFIG
from trailkey import pipeline
from trailkey.access.algebra.request_sets import EVERY_REQUEST, PROVEN, joined
from trailkey.access.analysis.effective import EffectivePermissions
from trailkey.access.analysis.prove import excludes
from trailkey.access.analysis.resource import key_scope
from trailkey.access.analysis.witnesses import ALLOW_ALL
from trailkey.access.language.evaluate import decide
from trailkey.access.language.request import parse_request
from trailkey.proofs.matrix import matrices

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from trailkey.config.deployment import Deployment
    from trailkey.inventory.policies import PolicySet
    from trailkey.proofs.matrix import Cell, Matrix

# Answers in the order of the columns, then the statements that decide the row.
ORGANIZATION = """
trail:management/organization-trail  yes no  no  yes no  no  no  no  no   CloudTrailEncryptsLogs CloudTrailDescribesKey
other-trail                          no  no  no  no  no  no  no  no  no
foreign-trail                        no  no  no  no  no  no  no  no  no
other-services                       no  no  no  no  no  no  no  no  no
reader:responders                    no  iam no  no  no  no  no  no  no   ReaderResponders
reader:analysts                      no  iam no  no  no  no  no  no  no   ReaderAnalysts
reader:audit                         no  iam no  no  no  no  no  no  no   ReaderAudit
reader:security-ou                   no  iam no  no  no  no  no  no  no   ReaderSecurityOu
administrators                       den den no  iam iam den no  no  den  AdministratorsNeverUseKey AdministratorsManageKey AccountReadsMetadata
break-glass                          no  no  no  iam no  iam iam iam no   AccountReadsMetadata BreakGlassRepairsKey
deployer                             no  no  no  iam iam iam no  no  no   DeployerUpdatesKey AccountReadsMetadata
root-user                            no  no  no  yes no  yes no  no  no   AccountReadsMetadata RootUserRecoversKey
trail-deployer:management            no  iam no  iam no  no  no  no  no   ReaderSecurityOu TrailDeployerManagement
others:log-archive                   no  no  no  iam no  no  no  no  no   AccountReadsMetadata
others:security                      no  no  no  no  no  no  no  no  no
others-of-organization               no  no  no  no  no  no  no  no  no
everyone-else                        no  no  no  no  no  no  no  no  no
"""
"""The mirror has the same rows: its accounts have the same names. The deployer of trails decrypts logs as a member of the OU only.
The Deny on administrators names no Decapsulate, which a symmetric key does not have: decrypting else is not denied as a whole."""
SINGLE_ACCOUNT = """
trail:main/account-trail             yes no  no  yes no  no  no  no  no   CloudTrailEncryptsLogs CloudTrailDescribesKey
other-trail                          no  no  no  no  no  no  no  no  no
foreign-trail                        no  no  no  no  no  no  no  no  no
other-services                       no  no  no  no  no  no  no  no  no
reader:responders                    no  iam no  iam no  no  no  no  no   ReaderResponders AccountReadsMetadata
administrators                       den den no  iam iam den no  no  den  AdministratorsNeverUseKey AdministratorsManageKey AccountReadsMetadata
break-glass                          no  no  no  iam no  iam iam iam no   AccountReadsMetadata BreakGlassRepairsKey
deployer                             no  no  no  iam iam iam no  no  no   DeployerUpdatesKey AccountReadsMetadata
root-user                            no  no  no  yes no  yes no  no  no   AccountReadsMetadata RootUserRecoversKey
others:main                          no  no  no  iam no  no  no  no  no   AccountReadsMetadata
everyone-else                        no  no  no  no  no  no  no  no  no
"""
LAKE = """
cloudtrail                           yes yes yes no  no  no  no  no   CloudTrailLakeUsesKey CloudTrailLakeDescribesKey
other-services                       no  no  no  no  no  no  no  no
queriers                             iam iam iam no  no  no  no  no   QueriersUseKey AccountReadsMetadata
administrators                       den no  iam iam den no  no  den  AdministratorsNeverUseKey AdministratorsManageKey AccountReadsMetadata
break-glass                          no  no  iam no  iam iam iam no   AccountReadsMetadata BreakGlassRepairsKey
deployer                             iam iam iam iam iam no  no  no   DeployerUsesKey DeployerUpdatesKey AccountReadsMetadata
root-user                            no  no  yes no  yes no  no  no   AccountReadsMetadata RootUserRecoversKey
others:management                    no  no  iam no  no  no  no  no   AccountReadsMetadata
others-of-organization               no  no  no  no  no  no  no  no
everyone-else                        no  no  no  no  no  no  no  no
"""


@lru_cache
def built(name: str) -> tuple[Deployment, PolicySet]:
    deployment = pipeline.load_all([CONFIGS[name]])[0]
    return deployment, pipeline.render(deployment).folder.policies


def word(cell: Cell) -> str:
    return "den" if cell.denied else cell.answer


def shown(matrix: Matrix) -> list[tuple[str, list[str], list[str | int]]]:
    """Return each row: id, words, and the statements in the order they first decide."""
    return [
        (
            line.row.id,
            [word(cell) for cell in line.cells],
            list(dict.fromkeys(statement for cell in line.cells for statement in cell.statements)),
        )
        for line in matrix.lines
    ]


def expected(table: str, columns: int) -> list[tuple[str, list[str], list[str | int]]]:
    rows = [line.split() for line in table.strip().splitlines()]
    return [(row[0], row[1 : columns + 1], list(row[columns + 1 :])) for row in rows]


def changed(name: str, change: Callable[[dict[str, dict[str, Any]]], list[dict[str, Any]]]) -> dict[str, str]:
    """Return the cells of the trails' key that differ once its policy is changed: ``row column`` to ``before > after``.

    The change gets the statements by Sid, may edit them, and returns the statements to add.
    """
    deployment, policies = built(name)
    key = policies.keys[0]
    document = copy.deepcopy(key.document)
    document["Statement"] += change({one["Sid"]: one for one in document["Statement"]})
    mutant = replace(key, document=document)
    before = matrices(deployment, policies)[0]
    after = matrices(deployment, replace(policies, keys=(mutant, *policies.keys[1:])))[0]
    return {
        f"{one.row.id} {column.id}": f"{word(old)} > {word(new)}"
        for one, two in zip(before.lines, after.lines, strict=True)
        for old, new, column in zip(one.cells, two.cells, before.columns, strict=True)
        if word(old) != word(new)
    }


@pytest.mark.parametrize(
    ("name", "table"), [("organization", ORGANIZATION), ("mirror", ORGANIZATION), ("single-account", SINGLE_ACCOUNT)]
)
def test_every_cell_of_the_example_is_as_thought_through(name: str, table: str) -> None:
    (matrix,) = matrices(*built(name))

    assert [column.id for column in matrix.columns] == [
        "encrypt",
        "decrypt-logs",
        "decrypt-other",
        "read-metadata",
        "administer",
        "change-policy",
        "disable",
        "delete",
        "grant",
    ]
    assert shown(matrix) == expected(table, 9)


def test_the_key_of_a_store_has_rows_and_columns_of_its_own() -> None:
    trails, store = matrices(*built("lake"))

    assert (trails.store, store.store, store.account.name) == ("", "org-events", "management")
    assert [one.id for one in store.columns[:2]] == ["encrypt", "decrypt"]
    assert shown(store) == expected(LAKE, 8)


def cells(matrix: Matrix, row: str) -> dict[str, Cell]:
    line = next(one for one in matrix.lines if one.row.id == row)
    return {column.id: cell for column, cell in zip(matrix.columns, line.cells, strict=True)}


def test_who_is_named_as_principal_needs_no_iam_policy() -> None:
    matrix = matrices(*built("shared-key-govcloud"))[0]

    assert [cells(matrix, row)["change-policy"].answer for row in ("break-glass", "deployer")] == ["yes", "yes"]
    assert cells(matrix, "break-glass")["read-metadata"].answer == "iam"  # by way of the account


def test_a_reader_that_does_not_come_by_s3_decrypts_under_the_trails_context_only() -> None:
    cell = cells(matrices(*built("shared-key-govcloud"))[0], "reader:siem")["decrypt-other"]

    assert (cell.answer, cell.only_with) == ("iam", ("kms:EncryptionContext:aws:cloudtrail:arn",))
    assert cell.actions == ("kms:Decrypt",)


def test_readers_that_are_a_whole_organization_leave_no_others_of_it() -> None:
    matrix = matrices(*built("everything"))[0]

    rows = {line.row.id for line in matrix.lines}
    assert "others-of-organization" not in rows
    assert {row: cells(matrix, row)["decrypt-logs"].answer for row in rows if row.startswith("reader:")} == {
        "reader:organization": "iam",
        "reader:policy-generation": "iam",
        "reader:macie": "yes",
    }
    assert cells(matrix, "everyone-else")["decrypt-logs"].answer == "no"


def test_others_of_a_readers_account_are_not_those_who_read_as_part_of_the_organization(tmp_path: Path) -> None:
    readers = [
        {"name": "one", "role": "security:role/One"},
        {"name": "unit", "principal_org_path": "o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/*"},
        {"name": "generation", "service": "access-analyzer"},
    ]
    deployment = deploy(tmp_path, ORGANIZATION_CONFIG, readers=readers)
    (matrix,) = matrices(deployment, pipeline.render(deployment).folder.policies)

    assert {line.row.id: word(line.cells[1]) for line in matrix.lines if word(line.cells[1]) != "no"} == {
        "reader:one": "iam",
        "reader:unit": "iam",
        "reader:generation": "iam",
        "trail-deployer:management": "iam",  # where it is in the unit
    }
    assert "others:security" in {line.row.id for line in matrix.lines}


def test_part_of_a_cell_says_which_keys_bound_it_and_which_actions_it_is() -> None:
    matrix = matrices(*built("organization"))[0]
    trail, deployer = cells(matrix, "trail:management/organization-trail"), cells(matrix, "trail-deployer:management")

    assert trail["encrypt"].only_with == ("kms:EncryptionContext:aws:cloudtrail:arn",)
    assert trail["read-metadata"].only_with == ()
    assert deployer["read-metadata"].actions == ("kms:DescribeKey",)
    assert deployer["decrypt-logs"].only_with == ("aws:PrincipalOrgID", "aws:PrincipalOrgPaths")


@pytest.mark.parametrize("name", CONFIGS)
def test_every_request_has_a_row_and_every_action_one_column(name: str) -> None:
    deployment, policies = built(name)
    for matrix, key in zip(matrices(deployment, policies), policies.keys, strict=True):
        scope = key_scope(key.arn)
        for sets in ([line.row.requests for line in matrix.lines], [one.requests for one in matrix.columns]):
            assert excludes(EffectivePermissions(scope, EVERY_REQUEST, joined(sets))).verdict == PROVEN
        listed = [action for column in matrix.columns for action in column.actions if column.id != "decrypt-other"]
        assert len(set(listed)) == len(listed)


@pytest.mark.parametrize("name", CONFIGS)
def test_what_is_allowed_has_a_witness_that_decide_allows(name: str) -> None:
    deployment, policies = built(name)
    for matrix, key in zip(matrices(deployment, policies), policies.keys, strict=True):
        for line in matrix.lines:
            for cell, column in zip(line.cells, matrix.columns, strict=True):
                if cell.answer == "no":
                    assert (cell.witness, cell.actions) == (None, ())
                    continue
                assert cell.witness is not None
                assert cell.witness["action"] in cell.actions
                assert set(cell.actions) <= set(column.actions)
                assert ("identity_policies" in cell.witness) is (cell.answer == "iam")
                asked = parse_request(dict(cell.witness), key_account=key_scope(key.arn).account)
                decision = decide(asked, resource_policy=key.policy)
                assert (decision.decision, decision.statements) == ("allowed", cell.statements)
                bare = replace(asked, identity_policies=None)
                assert decide(bare, resource_policy=key.policy).decision == (
                    "denied" if cell.answer == "iam" else "allowed"
                )


OWNER = "arn:aws:iam::222222222222:"
TRAIL = "arn:aws:cloudtrail:us-east-1:111111111111:trail/organization-trail"
CALLERS: Mapping[str, list[tuple[str, dict[str, Any]]]] = {
    "trail:management/organization-trail": [("cloudtrail.amazonaws.com", {"aws:SourceArn": TRAIL})],
    "other-trail": [("cloudtrail.amazonaws.com", {"aws:SourceArn": TRAIL + "2"})],
    "foreign-trail": [
        ("cloudtrail.amazonaws.com", {"aws:SourceArn": TRAIL.replace("111111111111", account)})
        for account in ("222222222222", "999999999999")
    ]
    + [("cloudtrail.amazonaws.com", {})],
    "other-services": [
        ("config.amazonaws.com", {"aws:SourceArn": TRAIL}),
        ("sns.amazonaws.com", {}),
        ("s3.amazonaws.com", {}),
    ],
    "reader:responders": [("arn:aws:iam::333333333333:role/CloudTrailRead", {})],
    "reader:analysts": [
        (
            "arn:aws:iam::333333333333:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_SecurityAnalyst_0123456789abcdef",
            {},
        )
    ],
    "reader:audit": [
        ("arn:aws:iam::888888888888:role/CloudTrailReader", {}),
        ("arn:aws:iam::888888888888:user/someone", {}),
    ],
    "reader:security-ou": [
        (
            "arn:aws:iam::121212121212:role/Someone",
            {
                "aws:PrincipalOrgID": "o-a1b2c3d4e5",
                "aws:PrincipalOrgPaths": ["o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/"],
            },
        )
    ],
    "administrators": [(f"{OWNER}role/KeyAdministrator", {})],
    "break-glass": [(f"{OWNER}role/BreakGlass", {})],
    "deployer": [(f"{OWNER}role/CloudFormationDeployment", {})],
    "root-user": [(f"{OWNER}root", {})],
    "trail-deployer:management": [
        ("arn:aws:iam::111111111111:role/CloudFormationDeployment", {"aws:PrincipalOrgID": "o-a1b2c3d4e5"})
    ],
    "others:log-archive": [
        (f"{OWNER}role/Anyone", {}),
        (f"{OWNER}user/KeyAdministrator", {}),
        (f"{OWNER}role/path/BreakGlass", {}),
    ],
    "others:security": [
        ("arn:aws:iam::333333333333:role/CloudTrailReader", {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}),
        ("arn:aws:iam::333333333333:root", {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}),
        (
            "arn:aws:iam::333333333333:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_SecurityAnalyst_Contractors_0123456789abcdef",
            {"aws:PrincipalOrgID": "o-a1b2c3d4e5"},
        ),
    ],
    "others-of-organization": [
        ("arn:aws:iam::111111111111:root", {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}),
        (
            "arn:aws:iam::121212121212:role/CloudTrailRead",
            {
                "aws:PrincipalOrgID": "o-a1b2c3d4e5",
                "aws:PrincipalOrgPaths": ["o-a1b2c3d4e5/r-ab12/ou-ab12-22222222/"],
            },
        ),
    ],
    "everyone-else": [
        ("arn:aws:iam::999999999999:role/CloudTrailRead", {}),
        ("arn:aws:iam::999999999999:root", {"aws:PrincipalOrgID": "o-zzzzzzzzzz"}),
        (
            "arn:aws:iam::999999999999:role/KeyAdministrator",
            {
                "aws:PrincipalOrgID": "o-zzzzzzzzzz",
                "aws:PrincipalOrgPaths": ["o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/"],
            },
        ),
    ],
}
LOGS = {"kms:EncryptionContext:aws:cloudtrail:arn": TRAIL}
BY_S3 = {"kms:ViaService": "s3.us-east-1.amazonaws.com"}


def requests(row: str, column: str, actions: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    """Yield requests that are in a cell, written without the prover: every action, callers and contexts of all kinds."""
    surroundings: list[dict[str, str]] = [{}, LOGS, BY_S3, {**LOGS, "kms:ViaService": "ec2.us-east-1.amazonaws.com"}]
    if column == "decrypt-logs":
        surroundings = [{**LOGS, **BY_S3}]
    elif column != "decrypt-other":
        surroundings.append({**LOGS, **BY_S3})
    for principal, keys in CALLERS[row]:
        for action in actions:
            for around in surroundings:
                yield {"principal": principal, "action": action, "context": {**keys, **around}}


def test_where_the_matrix_says_no_no_request_of_many_is_allowed() -> None:
    deployment, policies = built("organization")
    (matrix,) = matrices(deployment, policies)
    key = policies.keys[0]
    assert set(CALLERS) == {line.row.id for line in matrix.lines}

    found: dict[tuple[str, str], set[str]] = {}
    for line in matrix.lines:
        for cell, column in zip(line.cells, matrix.columns, strict=True):
            words = found.setdefault((line.row.id, column.id), {"no"})
            for written in requests(line.row.id, column.id, column.actions):
                for own, answer in ((None, "yes"), ([ALLOW_ALL], "iam")):
                    entry = {**written, "resource": key.arn, **({"identity_policies": own} if own else {})}
                    if decide(parse_request(entry), resource_policy=key.policy).decision == "allowed":
                        words.add(answer)
            strongest = "yes" if "yes" in words else "iam" if "iam" in words else "no"
            if (line.row.id, column.id) != (
                "trail-deployer:management",
                "decrypt-logs",
            ):  # in the OU, which none here is
                assert strongest == cell.answer, (line.row.id, column.id)


def unguarded(statement: dict[str, Any], *keys: str) -> dict[str, Any]:
    """Return a statement without the conditions on these keys, or without any."""
    kept = {
        operator: {key: value for key, value in pairs.items() if keys and key not in keys}
        for operator, pairs in statement["Condition"].items()
    }
    return {**statement, "Sid": "Added", "Condition": {operator: pairs for operator, pairs in kept.items() if pairs}}


def test_a_grant_repeated_without_its_guard_opens_the_key_to_foreign_trails() -> None:
    assert changed("organization", lambda by_sid: [unguarded(by_sid["CloudTrailEncryptsLogs"])]) == {
        "other-trail encrypt": "no > yes",
        "foreign-trail encrypt": "no > yes",
    }


def test_a_reader_of_an_organization_without_its_conditions_opens_the_key_to_the_world() -> None:
    def widen(by_sid: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
        return [unguarded(by_sid["ReaderSecurityOu"], "aws:PrincipalOrgID", "aws:PrincipalOrgPaths")]

    # AWS services too: "*" reaches them, and the key that tells the account of a caller is not sent for them.
    assert changed("organization", widen) == {
        "trail:management/organization-trail decrypt-logs": "no > yes",
        "other-trail decrypt-logs": "no > yes",
        "foreign-trail decrypt-logs": "no > yes",
        "other-services decrypt-logs": "no > yes",
        "others:security decrypt-logs": "no > iam",
        "others-of-organization decrypt-logs": "no > iam",
        "everyone-else decrypt-logs": "no > iam",
    }


def test_a_reader_not_held_to_s3_decrypts_elsewhere_too() -> None:
    assert changed("organization", lambda by_sid: [unguarded(by_sid["ReaderResponders"], "kms:ViaService")]) == {
        "reader:responders decrypt-other": "no > iam"
    }


def test_administrators_with_grants_are_held_by_the_deny_alone() -> None:
    def grants(by_sid: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
        by_sid["AdministratorsManageKey"]["Action"].append("kms:CreateGrant")
        return []

    def without_deny(by_sid: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
        by_sid["AdministratorsNeverUseKey"]["Action"].remove("kms:CreateGrant")
        return grants(by_sid)

    assert changed("organization", grants) == {}
    assert changed("organization", without_deny) == {"administrators grant": "den > iam"}


def test_the_account_with_deletion_lets_everybody_in_it_delete() -> None:
    def deletes(by_sid: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
        by_sid["AccountReadsMetadata"]["Action"].append("kms:ScheduleKeyDeletion")
        return []

    assert changed("organization", deletes) == {
        "administrators delete": "no > iam",
        "deployer delete": "no > iam",
        "root-user delete": "no > yes",
        "others:log-archive delete": "no > iam",
    }


@pytest.mark.parametrize(
    ("role", "row"), [("KeyAdministrator", "administrators"), ("NightShift", "others:log-archive")]
)
def test_a_role_session_that_the_policy_names_is_in_the_row_of_its_role(role: str, row: str) -> None:
    added = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:sts::222222222222:assumed-role/{role}/tonight"},
        "Action": "kms:DisableKey",
        "Resource": "*",
    }

    assert changed("organization", lambda _: [added]) == {f"{row} disable": "no > yes"}


def test_a_deny_that_takes_away_what_an_allow_gives_is_named() -> None:
    def deny(by_sid: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
        return [{**by_sid["BreakGlassRepairsKey"], "Sid": "NoDisabling", "Effect": "Deny", "Action": "kms:*ableKey"}]

    assert changed("organization", deny) == {"break-glass disable": "iam > den"}


def test_what_cannot_be_decided_is_unknown_with_its_reason_and_never_no() -> None:
    added = {
        "Sid": "SameTag",
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::222222222222:root"},
        "Action": "kms:ScheduleKeyDeletion",
        "Resource": "*",
        "Condition": {"StringEquals": {"aws:PrincipalTag/team": "${aws:PrincipalTag/owner}"}},
    }

    assert changed("organization", lambda _: [added]) == {
        f"{row} delete": "no > unknown" for row in ("administrators", "deployer", "root-user", "others:log-archive")
    }
    deployment, policies = built("organization")
    key = policies.keys[0]
    mutant = replace(key, document={**key.document, "Statement": [*key.document["Statement"], added]})
    (matrix,) = matrices(deployment, replace(policies, keys=(mutant,)))
    cell = cells(matrix, "others:log-archive")["delete"]
    assert (cell.answer, cell.witness) == ("unknown", None)
    assert cell.reason == (
        "statement SameTag: aws:PrincipalTag/team is compared with the policy variable ${aws:principaltag/owner}, "
        "which can have many values"
    )
