"""Loopback stand-ins for the Google Cloud services promptreel uses.

They speak Google's wire protocols to unmodified client libraries and know nothing of films: nothing here may import
``promptreel``, and nothing here is ever deployed. Every listener binds 127.0.0.1 only.
"""
