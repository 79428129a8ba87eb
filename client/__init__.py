"""The `promptreel` command and a small Python client for promptreel's HTTPS API.

The client speaks HTTP only: it imports no Google library, and nothing of `promptreel` or `localcloud`.
"""
