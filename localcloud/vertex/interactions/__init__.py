"""The Interactions API, as far as it films: create, get and cancel."""
