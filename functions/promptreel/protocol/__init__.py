"""What several steps do together: pay by ledger, dispatch a clip, look at an operation, start and end a job.

It stands between steps and ports (docs/adr/0002): steps never call one another, and the ledger's protocol is one
piece of code over any store, so that the fake used in tests cannot have rules of its own.
"""
