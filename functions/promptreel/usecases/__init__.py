"""One file for each step and each act of an owner: its command, its result, its function. Each may be called twice."""
