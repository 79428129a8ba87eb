"""Stand-in for the check Cloud Run makes before a request reaches a service."""
