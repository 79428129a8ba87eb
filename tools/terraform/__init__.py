"""Terraform offline: the provider's schema and its answers without a network."""
