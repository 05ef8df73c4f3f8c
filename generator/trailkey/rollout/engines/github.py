"""For GitHub Actions: a workflow that reviews pull requests and deploys the stacks, each by a change set that people approve."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any, Final

from trailkey.config.rollout_model import GitHub
from trailkey.rollout.engines.calls import instances, stack_set
from trailkey.rollout.engines.values import EngineInput, from_outputs, given_out, json_file, yaml_file

if TYPE_CHECKING:
    from trailkey.output.manifest import DeployedStack, StackSet

CHECKOUT: Final = "actions/checkout@v5"
PYTHON: Final = "actions/setup-python@v6"
CREDENTIALS: Final = "aws-actions/configure-aws-credentials@v5"
CLOUDFORMATION: Final = "aws-actions/aws-cloudformation-github-deploy@v2"
ENVIRONMENT: Final = "production"

_HEAD: Final = """\
Deployment {name}: reviews pull requests, and deploys what is merged. Built by trailkey: change the config, not this file.
Put it into .github/workflows/ of the repository that holds config/ and output/.

- Each deployer trusts GitHub's OIDC provider for this repository and branch (rollout.bootstrap makes such roles).
- Environment {environment} has required reviewers: they see each change set in the summary of the run and approve the job after it.
- Variable TRAILKEY says what pip installs in reviews: a version, a wheel, or "." where the repository is a clone of trailkey.
- Steps of rollout.json that come before the first stack are done by people: see README.md beside the templates.
Actions are pinned to their major version; pin them to a commit where your rules ask for it."""


def files(given: EngineInput) -> dict[str, bytes]:
    """Return ``github/deploy.yml``, and the inputs of its calls for stack sets.

    For each stack one job makes the change set and one, in an environment with reviewers, executes it. Outputs are handed on.
    See: https://github.com/aws-actions/aws-cloudformation-github-deploy,
    https://docs.github.com/en/actions/how-tos/secure-your-work/security-harden-deployments/oidc-in-aws
    """
    settings = given.settings.github or GitHub()
    environment = settings.environment or ENVIRONMENT
    made: dict[str, bytes] = {}
    jobs: dict[str, Any] = {"review": _review(given.manifest.name)}
    for stack in given.manifest.stacks:
        if stack.stack_set is None:
            jobs[f"{stack.stack}-changes"] = _changes(given, stack, settings)
            jobs[stack.stack] = _execution(given, stack, environment)
        else:
            jobs[stack.stack] = _stack_set(given, stack, stack.stack_set, environment)
            made[f"github/{stack.stack}.json"] = json_file(stack_set(given, stack, stack.stack_set))
            made[f"github/{stack.stack}.instances.json"] = json_file(instances(stack, stack.stack_set))
    workflow = {
        "name": f"trailkey {given.manifest.name}",
        "on": {"pull_request": None, "push": {"branches": [settings.branch]}, "workflow_dispatch": None},
        "permissions": {"contents": "read"},
        # A rollout is never cut short by the next one: it waits.
        "concurrency": {"group": f"trailkey-{given.manifest.name}-${{{{ github.ref }}}}", "cancel-in-progress": False},
        "jobs": jobs,
    }
    head = _HEAD.format(name=given.manifest.name, environment=environment)
    return {"github/deploy.yml": yaml_file(head, workflow), **made}


def _review(name: str) -> dict[str, Any]:
    """Say in a comment who gains and who loses access, and fail where output/ is not what config/ makes, or access is new."""
    script = f"""\
set -euo pipefail
git worktree add --quiet ../base "origin/$BASE"
if [ ! -d ../base/output/{name} ]; then
  echo "{name} is new: read output/{name}/access.md" >access.txt
  code=0
else
  code=0
  trailkey diff --fail-on-new-access --format markdown ../base/output/{name} output/{name} >access.txt || code=$?
fi
gh pr comment "$NUMBER" --edit-last --body-file access.txt || gh pr comment "$NUMBER" --body-file access.txt
exit "$code"
"""
    return {
        "if": "github.event_name == 'pull_request'",
        "runs-on": "ubuntu-latest",
        "permissions": {"contents": "read", "pull-requests": "write"},
        "steps": [
            {"uses": CHECKOUT, "with": {"fetch-depth": 0}},
            {"uses": PYTHON, "with": {"python-version": "3.12"}},
            {"run": 'pip install "${TRAILKEY:-trailkey}"', "env": {"TRAILKEY": "${{ vars.TRAILKEY }}"}},
            {"name": "output/ is what config/ makes", "run": "trailkey generate --check"},
            {
                "name": "who gains and who loses access",
                "run": script,
                # Never inside the script: a branch may be named like a command.
                "env": {
                    "BASE": "${{ github.base_ref }}",
                    "NUMBER": "${{ github.event.number }}",
                    "GH_TOKEN": "${{ github.token }}",
                },
            },
        ],
    }


def _job(given: EngineInput, stack: DeployedStack, needs: list[str], steps: list[dict[str, Any]]) -> dict[str, Any]:
    """Return a job in the stack's account, which takes on its deployer."""
    settings = given.settings.github or GitHub()
    _, region = stack.home
    deployer = {"role-to-assume": stack.deployer or "", "aws-region": region}
    return {
        "if": f"github.event_name != 'pull_request' && github.ref == 'refs/heads/{settings.branch}'",
        **({"needs": needs} if needs else {}),
        "runs-on": "ubuntu-latest",
        "permissions": {"contents": "read", "id-token": "write"},
        "steps": [{"uses": CHECKOUT}, {"uses": CREDENTIALS, "with": deployer}, *steps],
    }


def _overrides(given: EngineInput, stack: DeployedStack) -> dict[str, str]:
    """Return the values of parameters: known ones from the file, others from the jobs that gave them out."""
    pairs = [(name, value) for name, value in from_outputs(stack) if value.output not in given.values]
    if pairs:
        handed = [f"{name}=${{{{ needs.{value.stack}.outputs.{value.name} }}}}" for name, value in pairs]
        return {"parameter-overrides": ",".join(handed)}
    if not stack.parameters:
        return {}
    folder = f"${{{{ github.workspace }}}}/output/{given.manifest.name}"
    return {"parameter-overrides": f"file:///{folder}/parameters/{stack.stack}.json"}


def _changes(given: EngineInput, stack: DeployedStack, settings: GitHub) -> dict[str, Any]:
    values: dict[str, Any] = {
        "mode": "create-only",
        "name": stack.stack,
        "template": f"output/{given.manifest.name}/{stack.template}",
        **({"capabilities": ",".join(stack.capabilities)} if stack.capabilities else {}),
        "change-set-name": stack.stack,
        "termination-protection": stack.termination_protection,
        **_overrides(given, stack),
    }
    if stack.tags:
        pairs = ", ".join(f'{{"Key": "{name}", "Value": "{value}"}}' for name, value in stack.tags.items())
        values["tags"] = f"[{pairs}]"
    if stack.delivery == "template_url":
        values["s3-bucket"] = settings.template_bucket or "${{ vars.TEMPLATE_BUCKET }}"
    steps = [
        {"id": "changes", "uses": CLOUDFORMATION, "with": values},
        {
            "run": 'printf \'%s\\n\' "$CHANGES" >>"$GITHUB_STEP_SUMMARY"',
            "env": {"CHANGES": "${{ steps.changes.outputs.changes-markdown }}"},
        },
    ]
    job = _job(given, stack, list(stack.depends_on), steps)
    job["outputs"] = {
        "id": "${{ steps.changes.outputs.change-set-id }}",
        "changed": "${{ steps.changes.outputs.has-changes }}",
    }
    return job


def _execution(given: EngineInput, stack: DeployedStack, environment: str) -> dict[str, Any]:
    before = f"{stack.stack}-changes"
    steps: list[dict[str, Any]] = [
        {
            "if": f"needs.{before}.outputs.changed == 'true'",
            "uses": CLOUDFORMATION,
            "with": {
                "mode": "execute-only",
                "name": stack.stack,
                "execute-change-set-id": f"${{{{ needs.{before}.outputs.id }}}}",
            },
        }
    ]
    names = given_out(given.manifest).get(stack.stack, [])
    script = ""
    if stack.termination_protection:
        # The action protects a stack that it creates by itself, and not one of a change set.
        script += f"aws cloudformation update-termination-protection --enable-termination-protection --stack-name {stack.stack}\n"
    for name in names:
        query = f"Stacks[0].Outputs[?OutputKey=='{name}'].OutputValue | [0]"
        script += f"value=$(aws cloudformation describe-stacks --stack-name {stack.stack} --output text --query {shlex.quote(query)})\n"
        script += f'echo "{name}=$value" >>"$GITHUB_OUTPUT"\n'
    if script:
        steps.append({"id": "settled", "run": "set -euo pipefail\n" + script})
    job = _job(given, stack, [before, *stack.depends_on], steps)
    job["environment"] = environment
    if names:
        job["outputs"] = {name: f"${{{{ steps.settled.outputs.{name} }}}}" for name in names}
    return job


def _stack_set(given: EngineInput, stack: DeployedStack, target: StackSet, environment: str) -> dict[str, Any]:
    """Create or update a stack set with plain calls: the action knows none."""
    folder = f"output/{given.manifest.name}"
    unknown = [(name, value) for name, value in from_outputs(stack) if value.output not in given.values]
    # In capitals, as variables of the environment are.
    environment_of = {name.upper(): f"${{{{ needs.{value.stack}.outputs.{value.name} }}}}" for name, value in unknown}
    values = " ".join(f'"ParameterKey={name},ParameterValue=${name.upper()}"' for name, _ in unknown)
    parameters = f" --parameters {values}" if values else ""
    inputs = f"--cli-input-json file://{folder}/github/{stack.stack}.json --template-body file://{folder}/{stack.template}{parameters}"
    named = f"--stack-set-name {stack.stack} --call-as {target.call_as}"
    listed = ",".join(target.accounts)
    units, wanted = ",".join(target.organizational_unit_ids), listed or ",".join(target.organizational_unit_ids)
    given_so_far = (
        f"list-stack-instances {named} --query 'Summaries[].[Account]'"
        if listed
        else f"describe-stack-set {named} --query 'StackSet.OrganizationalUnitIds[].[@]'"
    )
    goes_to = (
        f"OrganizationalUnitIds={units},Accounts=$missing,AccountFilterType=INTERSECTION"
        if listed
        else "OrganizationalUnitIds=$missing"
    )
    script = f"""\
set -euo pipefail
ended() {{
  while true; do
    status=$(aws cloudformation describe-stack-set-operation {named} --operation-id "$1" --query StackSetOperation.Status --output text)
    case $status in
      SUCCEEDED) return ;;
      RUNNING | QUEUED) sleep 10 ;;
      *)
        aws cloudformation list-stack-set-operation-results {named} --operation-id "$1"
        exit 1
        ;;
    esac
  done
}}
if aws cloudformation describe-stack-set {named} >/dev/null 2>error.txt; then
  operation=$(aws cloudformation update-stack-set {inputs} --query OperationId --output text)
  ended "$operation"
elif grep -q StackSetNotFound error.txt; then
  aws cloudformation create-stack-set {inputs}
else
  cat error.txt >&2
  exit 1
fi
# What it was not given yet: at first everything, later units or accounts that are new in the config.
aws cloudformation {given_so_far} --output text | sort -u >given.txt
missing=$(tr , '\\n' <<<'{wanted}' | sort -u | comm -23 - given.txt | paste -sd, -)
if [ -n "$missing" ]; then
  operation=$(aws cloudformation create-stack-instances --cli-input-json file://{folder}/github/{stack.stack}.instances.json --deployment-targets "{goes_to}" --query OperationId --output text)
  ended "$operation"
fi
"""
    step: dict[str, Any] = {"run": script}
    if environment_of:
        step["env"] = environment_of
    job = _job(given, stack, list(stack.depends_on), [step])
    job["environment"] = environment
    return job
