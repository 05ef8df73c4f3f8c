"""The commented configs that ``trailkey init`` writes. Texts only; a test builds each."""

from __future__ import annotations

SCHEMA = "trailkey.schema.json"
"""The file beside a starter that editors complete it with."""

_HEAD = """\
# trailkey config. Run: trailkey generate {file}
# Editors complete it by the schema beside it; a newer trailkey writes it with: trailkey schema > {schema}
# yaml-language-server: $schema={schema}
"""

_SINGLE = """\
name: my-logs # the folder below output/

accounts: # sample ids: put in yours, in quotes; deployer is the role that creates and updates the stack
  main: {id: "111111111111", deployer: role/CloudFormationDeployment}

key:
  account: main # its Region is the bucket's
  alias: alias/cloudtrail-logs
  administrators: [main:role/KeyAdministrator] # describe, tag and rotate; never use the key
  break_glass: [main:role/BreakGlass] # replace the key policy, disable and delete the key
  # alarm: {email: security@example.com} # tells of calls that endanger key, trail and bucket

bucket:
  account: main
  region: us-east-1
  name: my-cloudtrail-logs-111111111111
  # WARNING: Object Lock cannot be turned off again; nobody, the root user too, deletes a log before its retention_days are over:
  # object_lock: {mode: COMPLIANCE, retention_days: 365}

trails:
  - {name: account-trail, home_region: us-east-1}

readers: # kms:Decrypt and the objects, nothing else
  - {name: responders, role: main:role/CloudTrailRead}
"""

_ORGANIZATION = """\
name: my-organization # the folder below output/
organization: {id: o-a1b2c3d4e5, management_account: management} # a sample id: put in yours

accounts: # sample ids: put in yours, in quotes; deployer is the role that creates and updates the stacks there
  management: {id: "111111111111", deployer: role/CloudFormationDeployment}
  log-archive: {id: "222222222222", deployer: role/CloudFormationDeployment}
  security: {id: "333333333333", deployer: role/CloudFormationDeployment}

key:
  account: log-archive # its Region is the bucket's
  alias: alias/cloudtrail-logs
  administrators: [log-archive:role/KeyAdministrator] # describe, tag and rotate; never use the key
  break_glass: [log-archive:role/BreakGlass] # replace the key policy, disable and delete the key
  alarm: {} # tells of calls that endanger key, trail and bucket

bucket:
  account: log-archive
  region: us-east-1
  name: my-organization-cloudtrail-logs
  # WARNING: Object Lock cannot be turned off again; nobody, the root user too, deletes a log before its retention_days are over:
  # object_lock: {mode: COMPLIANCE, retention_days: 365}

trails: # an organization trail lives in the management account
  - {name: organization-trail, is_organization_trail: true, home_region: us-east-1}

readers: # kms:Decrypt and the objects, nothing else
  - {name: responders, role: security:role/CloudTrailRead} # people, Athena, a SIEM vendor's role
  - {name: analysts, permission_set: SecurityAnalyst, account: security} # IAM Identity Center
  # - {name: audit, account_principal: security} # a whole account: IAM there decides who
  # - {name: security-ou, principal_org_path: o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/*}
"""

STARTERS = {"single-account": _SINGLE, "organization": _ORGANIZATION}


def starter(kind: str, file: str = "trailkey.yaml") -> str:
    """Return the starter config of a kind, ``single-account`` or ``organization``."""
    return _HEAD.format(file=file, schema=SCHEMA) + "\n" + STARTERS[kind]
