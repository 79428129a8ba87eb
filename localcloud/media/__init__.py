"""Stand-in for how Cloud Storage serves signed URLs; fake-gcs-server itself believes any signature."""
