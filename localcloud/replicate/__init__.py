"""A stand-in of Replicate's predictions API, for its unmodified clients."""
