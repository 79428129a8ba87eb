"""Stand-in for the GCE metadata server: who a process is, and the tokens that prove it."""
