"""One file per step: its command, its result and its function. Every step may be called twice (DESIGN §1.1)."""
