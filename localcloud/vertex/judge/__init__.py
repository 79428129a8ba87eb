"""Pictures and clips in a prompt: read, looked at, and given a mark."""
