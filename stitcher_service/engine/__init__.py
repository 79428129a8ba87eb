"""A cut list and its files become one film. Nothing here imports promptreel."""
