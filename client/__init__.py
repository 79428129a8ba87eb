"""The `promptreel` command and a thin Python client for promptreel's HTTPS API.

It speaks HTTP and nothing else: no Google library, and nothing of `promptreel` or `localcloud`, may enter here.
"""
