"""The HTTP edge: what comes in becomes a command, what goes out becomes JSON or a problem (RFC 9457)."""
