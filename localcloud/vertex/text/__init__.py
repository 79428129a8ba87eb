"""The fake text model: any response schema filled from the words of a prompt."""
