"""From a config whose values are valid to a Deployment: every name resolved."""
