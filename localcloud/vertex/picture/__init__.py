"""The fake image model: landscapes painted from the words of a prompt."""
