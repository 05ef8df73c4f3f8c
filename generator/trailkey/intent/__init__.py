"""What a policy is meant for: from a config, or from the options of a command."""
