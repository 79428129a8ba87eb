"""Commands for those who change promptreel: locks, generated documents, offline Terraform."""
