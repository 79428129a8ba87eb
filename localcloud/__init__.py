"""Loopback stand-ins for Google Cloud services.

They speak Google's wire protocols to unmodified client libraries. Nothing here imports a product that uses them, and
nothing here is ever deployed. Every listener binds 127.0.0.1 only.
"""
