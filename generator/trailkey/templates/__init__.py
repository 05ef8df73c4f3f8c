"""From a Deployment to CloudFormation templates, one module a stack. Never imports ``access``."""
