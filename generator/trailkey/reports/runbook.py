"""README.md of an output folder: the rollout for a person, step by step, from rollout.json alone."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Final

from trailkey.output.manifest import MANIFEST, FromOutput
from trailkey.reports.plain import code, markdown

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from trailkey.output.manifest import DeployedStack, Manifest, StackSet, Step

_ENGINES: Final = {
    "github/deploy.yml": "GitHub Actions: a workflow, for `.github/workflows/`",
    "pipeline/pipeline.yaml": "CodePipeline: a template of the pipeline; its files `pipeline/STACK.json` are template configurations",
    "cfct/manifest.yaml": "Customizations for Control Tower: a manifest",
    "lza/customizations-config.yaml": "Landing Zone Accelerator: entries for its customizations-config.yaml",
}


def runbook(manifest: Manifest, files: Collection[str]) -> str:
    """Return the page, in Markdown.

    Args:
        manifest: the rollout.
        files: the names of the folder's files.
    """
    return "\n".join(line for section in _sections(manifest, files) for line in (*section, ""))


def _sections(manifest: Manifest, files: Collection[str]) -> Iterator[list[str]]:
    yield from _head(manifest, files)
    yield from _before(manifest)
    yield from _by_hand()
    for number, stack in enumerate(manifest.stacks, 1):
        yield from _stack(number, stack, manifest)
    yield from _after(manifest)
    yield from _take_down(manifest)


def _head(manifest: Manifest, files: Collection[str]) -> Iterator[list[str]]:
    yield [
        f"# Rollout of {manifest.name}",
        "",
        f"Built by trailkey from the config, as {MANIFEST} is: change the config, not this file. Who can do what then:",
        "[access.md](access.md).",
    ]
    rows = [
        f"| {number} | {code(stack.stack)} | {_where(stack)} | {_role(stack)} |"
        for number, stack in enumerate(manifest.stacks, 1)
    ]
    yield ["| | stack | where | run as |", "|---|---|---|---|", *rows]
    for notice in manifest.notices:
        yield [f"Mind: {markdown(notice)}."]
    if "deploy.sh" in files:
        yield [
            "## The short way",
            "",
            "With credentials that may assume the roles above, or with a profile for each account (`./deploy.sh --help`):",
            "",
            "```sh",
            "./deploy.sh --plan   # checks what must be there first, shows every change, makes none",
            "./deploy.sh          # creates and updates the stacks in order; can be run again at any time",
            "./verify.sh          # tries it: what is to be allowed and what is to be refused",
            "```",
            "",
            "It stops where a step below is not done, and says at the end what is left for people.",
        ]
    engines = [f"- [{name}]({name}): {what}" for name, what in _ENGINES.items() if name in files]
    if engines:
        yield ["Or by what deploys for you; the steps below are done by people all the same:", "", *engines]


def _before(manifest: Manifest) -> Iterator[list[str]]:
    yield [
        "## Before the first stack",
        "",
        "Try all of this in a mirrored environment first, as AWS advises for every change of such a key. In brackets behind a step is the",
        "cause of the error that whoever leaves it out would see: `trailkey explain` says what it is, from the error.",
    ]
    accounts = dict.fromkeys(step.account for step in manifest.before)
    for account in accounts:
        where = f"In account {account}" if account else "In several accounts"
        yield [f"### {where}", "", *_steps([step for step in manifest.before if step.account == account])]


def _steps(steps: Sequence[Step]) -> Iterator[str]:
    """Yield steps as a list that can be ticked off."""
    for step in steps:
        yield f"- [ ] {markdown(step.text)}{f' ({code(step.prevents)})' if step.prevents else ''}"
        if step.command:
            yield from ("", "  ```sh", f"  {step.command}", "  ```", "")


def _by_hand() -> Iterator[list[str]]:
    yield [
        "## The stacks, by hand",
        "",
        "In this order; each waits for those it takes values from. **Console**, in the account and Region of the stack: CloudFormation,",
        "*Create stack*, *With new resources*, *Upload a template file*. Then the stack's name and parameters; under *Configure stack",
        "options* its tags, under *Permissions* its role, under *Stack creation options* termination protection where it is said; at",
        "the end acknowledge that it makes IAM resources where the console asks. **AWS CLI**: the commands, in one shell, with the credentials",
        "of that account. Whoever runs a stack needs `iam:PassRole` for its role, which must trust `cloudformation.amazonaws.com`; or has",
        "taken on that role, and leaves `--role-arn` out.",
        "",
        "Go on when the stack is `CREATE_COMPLETE`. Where it is not, the first failed event says why: another role than the one said here is",
        'told "The new key policy will not allow you to update the key policy in the future".',
    ]


def _stack(number: int, stack: DeployedStack, manifest: Manifest) -> Iterator[list[str]]:
    account, region = stack.home
    what = "stack set" if stack.stack_set else "stack"
    yield [f"### {number}. {what.capitalize()} {stack.stack}", "", f"In account {account}, {region}."]
    rows = [f"| template | [{stack.template}]({stack.template}) |"]
    if stack.stack_set is None:
        rows.append(f"| role, under *Permissions* | {_role(stack)} |")
    for name, value in stack.parameters.items():
        source = (
            f"Output {code(value.name)} of stack {code(value.stack)}" if isinstance(value, FromOutput) else code(value)
        )
        rows.append(f"| parameter {code(name)} | {source} |")
    rows += [f"| tag {code(name)} | {code(value)} |" for name, value in stack.tags.items()]
    if stack.capabilities:
        rows.append(f"| acknowledge | {', '.join(map(code, stack.capabilities))} |")
    if stack.termination_protection:
        rows.append("| termination protection | on |")
    if stack.delivery == "template_url":
        rows.append("| size | over 51,200 bytes: put it into a bucket first, and give its URL in place of the file |")
    yield ["| | |", "|---|---|", *rows]
    commands = _set_commands(stack, stack.stack_set) if stack.stack_set else _commands(stack, manifest)
    yield ["```sh", f"export AWS_DEFAULT_REGION={region}", *commands, "```"]
    if stack.stack_set:
        yield [*_set_in_the_console(stack, stack.stack_set)]
    outputs = _given_out(stack, manifest)
    if outputs:
        yield [
            f"See that it gives out {' and '.join(map(code, outputs))}. To have the values in every file from then on: save the answer of",
            f"`aws cloudformation describe-stacks --stack-name {stack.stack}` and run `trailkey fill`, then `trailkey generate`.",
        ]
    if stack.after:
        yield ["Then:", "", *_steps(stack.after)]


def _commands(stack: DeployedStack, manifest: Manifest) -> Iterator[str]:
    name = shlex.quote(stack.stack)
    url = stack.delivery == "template_url"
    body = '--template-url "$TemplateUrl"' if url else f"--template-body file://{stack.template}"
    parts = [
        f"aws cloudformation create-change-set --stack-name {name} --change-set-name {name} --change-set-type CREATE",
        body,
    ]
    if stack.deployer and not set("*?") & set(stack.deployer):
        parts.append(f"--role-arn {stack.deployer}")
    parts += _flags(stack)
    yield from _joined(parts)
    yield f"aws cloudformation wait change-set-create-complete --stack-name {name} --change-set-name {name}"
    yield f"aws cloudformation execute-change-set --stack-name {name} --change-set-name {name}"
    yield f"aws cloudformation wait stack-create-complete --stack-name {name}"
    if stack.termination_protection:
        yield f"aws cloudformation update-termination-protection --enable-termination-protection --stack-name {name}"
    for output in _given_out(stack, manifest):
        query = f"Stacks[0].Outputs[?OutputKey=='{output}'].OutputValue"
        yield f'{output}=$(aws cloudformation describe-stacks --stack-name {name} --output text --query "{query}")'


def _set_commands(stack: DeployedStack, target: StackSet) -> Iterator[str]:
    name = shlex.quote(stack.stack)
    deployment = target.auto_deployment
    automatic = f"Enabled={str(deployment.enabled).lower()},RetainStacksOnAccountRemoval={str(deployment.retain_stacks_on_account_removal).lower()}"
    yield from _joined(
        [
            f"aws cloudformation create-stack-set --stack-set-name {name} --permission-model {target.permission_model} --call-as {target.call_as}",
            f"--auto-deployment {automatic} --managed-execution Active=true",
            f"--template-body file://{stack.template}",
            *_flags(stack),
        ]
    )
    targets = _targets(target)
    preferences = ",".join(
        f"{''.join(word.capitalize() for word in key.split('_'))}={value}"
        for key, value in target.operation_preferences.items()
    )
    yield from _joined(
        [
            f"aws cloudformation create-stack-instances --stack-set-name {name} --call-as {target.call_as} --regions {' '.join(target.regions)}",
            f"--deployment-targets {targets} --operation-preferences {preferences}",
        ]
    )
    yield f"aws cloudformation list-stack-instances --stack-set-name {name} --call-as {target.call_as}   # each becomes CURRENT"


def _targets(target: StackSet) -> str:
    """Return the accounts of a stack set as ``--deployment-targets`` takes them."""
    units = f"OrganizationalUnitIds={','.join(target.organizational_unit_ids)}"
    return f"{units},Accounts={','.join(target.accounts)},AccountFilterType=INTERSECTION" if target.accounts else units


def _set_in_the_console(stack: DeployedStack, target: StackSet) -> Iterator[str]:
    units = ", ".join(map(code, target.organizational_unit_ids))
    if target.accounts:
        units += f", account filter *Intersection* with the accounts {', '.join(map(code, target.accounts))}"
    yield "Console: *StackSets*, *Create StackSet*, *Service-managed permissions*, upload the template; the name and the parameter as above;"
    yield f"deploy to the organizational units {units}, Region {', '.join(map(code, target.regions))}, automatic deployment {'on, stacks deleted when an account' if target.auto_deployment.enabled else 'off: accounts are'}"
    yield f"{'leaves' if target.auto_deployment.enabled else 'listed'}. Concurrent accounts 100 percent, failure tolerance 10 percent, {code('Soft failure tolerance')}. Set {stack.stack} is done when each of its stacks is `CURRENT`."


def _flags(stack: DeployedStack) -> Iterator[str]:
    if stack.capabilities:
        yield f"--capabilities {' '.join(stack.capabilities)}"
    if stack.tags:
        pairs = [shlex.quote(f"Key={name},Value={value}") for name, value in stack.tags.items()]
        yield f"--tags {' '.join(pairs)}"
    if stack.parameters:
        values = [
            f'ParameterKey={name},ParameterValue="${value.name}"'
            if isinstance(value, FromOutput)
            else shlex.quote(f"ParameterKey={name},ParameterValue={value}")
            for name, value in stack.parameters.items()
        ]
        yield f"--parameters {' '.join(values)}"


def _joined(parts: Sequence[str]) -> Iterator[str]:
    """Yield one command over several lines."""
    for index, part in enumerate(parts):
        yield ("" if index == 0 else "  ") + part + (" \\" if index < len(parts) - 1 else "")


def _after(manifest: Manifest) -> Iterator[list[str]]:
    trail = any("trail" in stack.stack or len(manifest.stacks) == 1 for stack in manifest.stacks)
    yield [
        "## Try it",
        "",
        "`./verify.sh` tries what the policies promise, with the AWS CLI: log files arrive and are encrypted with the key, each reader reads, and what",
        "is to be refused is refused. What nobody can be taken on for is skipped: `./verify.sh --help` says how to give profiles.",
        *(["A first log file takes about 5 minutes, which AWS does not guarantee."] if trail else []),
    ]
    yield [
        "## A change",
        "",
        "Change the config, run `trailkey generate`, read the difference, and run `./deploy.sh` again; by hand *Update stack*, *Make a direct update*,",
        "with the same role, or the commands with `--change-set-type UPDATE` and `wait stack-update-complete`. Deploy in the order above.",
    ]


def _take_down(manifest: Manifest) -> Iterator[list[str]]:
    steps = []
    for stack in reversed(manifest.stacks):
        account, region = stack.home
        if stack.stack_set is not None:
            targets = _targets(stack.stack_set)
            steps.append(
                f"- {stack.stack} (account {account}, {region}): `aws cloudformation delete-stack-instances --stack-set-name {stack.stack} --call-as {stack.stack_set.call_as} --deployment-targets {targets} --regions {' '.join(stack.stack_set.regions)} --no-retain-stacks`, then `aws cloudformation delete-stack-set --stack-set-name {stack.stack} --call-as {stack.stack_set.call_as}`"
            )
            continue
        off = (
            f"`aws cloudformation update-termination-protection --no-enable-termination-protection --stack-name {stack.stack}`, then "
            if stack.termination_protection
            else ""
        )
        steps.append(
            f"- {stack.stack} (account {account}, {region}): {off}`aws cloudformation delete-stack --stack-name {stack.stack}`"
        )
    yield [
        "## Take down",
        "",
        "In the reverse order. First detach policies that people attached by hand: IAM deletes none that is attached. Deleting a stack deletes the",
        "policies of people alone: key, buckets, trail, log group and what guards them stay, go on working and cost what they cost.",
        "",
        *steps,
        "",
        "What is not wanted any more is deleted by hand, the trail first. Only break glass schedules the deletion of the key; every log file that it",
        "encrypted is lost with it.",
    ]
    yield [
        "## Bring back",
        "",
        "A stack whose resources stayed is not simply created again: CloudFormation refuses names that exist, and a key that is made again opens none of",
        "the old logs. Import the key and its alias first (change set of type `IMPORT`, a copy of the template with these two and without Outputs, `KeyId` and",
        "`AliasName` as identifiers), update that stack with the whole template, and create the others with `--import-existing-resources`.",
    ]


def _given_out(stack: DeployedStack, manifest: Manifest) -> list[str]:
    """Return the Outputs of a stack that parameters of others come from."""
    taken = [value for one in manifest.stacks for value in one.parameters.values() if isinstance(value, FromOutput)]
    return sorted({value.name for value in taken if value.stack == stack.stack})


def _where(stack: DeployedStack) -> str:
    account, region = stack.home
    if stack.stack_set is None:
        return f"{account}, {region}"
    units = ", ".join(stack.stack_set.accounts or stack.stack_set.organizational_unit_ids)
    return f"stack set in {account}, {region}, for {units}"


def _role(stack: DeployedStack) -> str:
    return code(stack.deployer) if stack.deployer else "whoever may"
