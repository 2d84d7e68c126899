"""Looks at a CDS service from outside, as a client does, and says where it keeps to CDS Hooks and where it does not.

It knows nothing of our own service: it imports no room of the package, and reads the JSON Schemas that lie in `hooks`
as files. It is polite: few requests, each with a time-out and a size that it stops at, no redirect followed, synthetic
patients only.
"""
