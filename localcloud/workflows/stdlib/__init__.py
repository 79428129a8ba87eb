"""The standard library: one module for each namespace, one table over all of them."""
