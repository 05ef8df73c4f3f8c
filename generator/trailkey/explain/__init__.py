"""What AWS says when a call fails: messages found in what people paste, and which cause of those we know each of them has."""
