"""JSON data that ships with the code: validated when it is loaded, changed without touching code."""
