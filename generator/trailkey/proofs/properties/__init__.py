"""What must hold of each policy, and of the resources and the rollout around them."""
