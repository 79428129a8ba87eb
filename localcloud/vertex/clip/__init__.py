"""The fake video model: real MP4s between given pictures."""
