"""A stand-in for Secret Manager: secrets and their versions, over REST."""
