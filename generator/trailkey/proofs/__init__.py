"""What must hold of the policies of a deployment, over all requests, and who can do what."""
