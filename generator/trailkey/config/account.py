"""An account of a deployment, by the name that the config gives it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An account of the deployment; ``deployer`` is the ARN or ArnLike pattern of the role that deploys there."""

    name: str
    id: str
    deployer: str | None
