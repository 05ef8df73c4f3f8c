"""Where templates go: order, targets, parameters and steps, as rollout.json has them."""
