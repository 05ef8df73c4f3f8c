"""What can be wrong with a key policy that someone else wrote: each flaw named, looked for over all requests, and shown."""
