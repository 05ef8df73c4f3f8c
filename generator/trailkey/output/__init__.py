"""The output folder: rollout.json as types, and the only writer of files."""
