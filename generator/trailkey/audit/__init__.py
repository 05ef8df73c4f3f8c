"""What can be wrong with a key policy that someone else wrote: rules, each looked for over all requests, and findings, each shown by a request."""
