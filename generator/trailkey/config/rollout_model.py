"""The part of a config that says how the stacks are rolled out: by which engines, and who may take on the roles made for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final, Literal

from pydantic import Field

from trailkey.config import names
from trailkey.config.section import NOT_NULL, Principal, Section, each_once

if TYPE_CHECKING:
    from collections.abc import Iterator

Engine = Literal["cli", "github", "codepipeline", "cfct", "lza"]

_NEEDS: Final = {
    "github": ("github",),
    "account_names": ("lza",),
    "organizational_unit_names": ("cfct", "lza"),
}
"""Each key that is for some engines only."""


class GitHub(Section):
    """Where the workflow runs; the deployers trust what GitHub says of it."""

    repository: Annotated[names.Repository | None, NOT_NULL] = None
    """Repository, ``owner/name``: the deployers of bootstrap.yaml trust it and nothing else."""
    branch: names.Branch = "main"
    """The branch whose state is deployed; pull requests are compared with it."""
    environment: Annotated[names.Environment | None, NOT_NULL] = None
    """GitHub environment of the jobs that execute change sets, ``production`` where it is left out: give it required reviewers."""
    template_bucket: Annotated[names.BucketName | None, NOT_NULL] = None
    """A bucket that templates over 51,200 bytes are uploaded to."""


class Trusted(Section):
    """Who may take on the roles of bootstrap.yaml; a role of administrators, break glass or readers is made where it is named here."""

    deployers: tuple[Principal, ...] = ()
    """Roles and users, ``account:role/Name``, who may assume every deployer, such as a pipeline's. CloudFormation always may."""
    administrators: tuple[Principal, ...] = ()
    """Who may assume the roles of ``key.administrators``."""
    break_glass: tuple[Principal, ...] = ()
    """Who may assume the roles of ``key.break_glass``, with MFA."""
    readers: dict[names.Name, tuple[Principal, ...]] = {}  # noqa: RUF012 # pydantic copies it
    """Who may assume the role of each reader (by name) that is a role."""


class Rollout(Section):
    """How the stacks are rolled out."""

    engines: Annotated[tuple[Engine, ...], Field(min_length=1)] = ("cli",)
    """What each of these takes is written beside the templates: ``cli`` (the AWS CLI, with deploy.sh), ``github`` (a workflow), ``codepipeline``, ``cfct`` (Customizations for Control Tower), ``lza`` (Landing Zone Accelerator)."""
    references: Literal["parameter", "stack_output"] = "parameter"
    """How a stack gets the key's ARN: as a parameter, or by Fn::GetStackOutput, which asks CloudFormation for it; stack sets always by a parameter."""
    bootstrap: bool = False
    """Write bootstrap.yaml, which makes the deployers, and the roles that ``trusted`` names, in each account."""
    trusted: Annotated[Trusted | None, NOT_NULL] = None
    """Who may take on the roles of bootstrap.yaml."""
    github: Annotated[GitHub | None, NOT_NULL] = None
    """For the engine github."""
    account_names: Annotated[dict[names.Name, names.LandingZoneName] | None, NOT_NULL] = None
    """For the engine lza: the names of accounts there, by their names here, ``{log-archive: LogArchive}``; each other has the same name."""
    organizational_unit_names: Annotated[dict[names.UnitId, names.LandingZoneName] | None, NOT_NULL] = None
    """For the engines cfct and lza, which know units by name: ``{ou-ab12-11111111: Security}``."""

    def contradictions(self) -> Iterator[str]:
        """Yield what its values say against each other."""
        yield from each_once("engines", self.engines)
        for key, engines in _NEEDS.items():
            if getattr(self, key) is not None and not set(engines) & set(self.engines):
                yield f"{key} is given and engines has no {' or '.join(engines)}; it has no effect without; add the engine, or remove {key}"
        if self.trusted is not None and not self.bootstrap:
            yield "trusted is given without bootstrap; it says who may take on the roles of bootstrap.yaml; add bootstrap: true, or remove trusted"
