"""Where templates go: order, targets, parameters and preconditions, written as rollout.json."""
