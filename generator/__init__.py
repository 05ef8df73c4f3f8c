"""trailkey: CloudFormation for the KMS key that encrypts CloudTrail logs, and proof of what its policies mean."""

from importlib.metadata import version

__version__ = version("trailkey")
