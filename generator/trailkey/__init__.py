"""trailkey: CloudFormation for the KMS key that encrypts CloudTrail logs, checked before it is written."""

from importlib.metadata import version

__version__ = version("trailkey")
