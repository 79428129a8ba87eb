"""Pay exactly once: claims, call requests, paid calls and conditional writes. Rules: docs/ledger.md."""
