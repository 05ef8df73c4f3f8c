"""From the text of a config file to a Deployment: YAML with line numbers, the model, errors, JSON Schema."""
