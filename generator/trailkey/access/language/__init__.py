"""What IAM's words say, and how one request is decided."""
