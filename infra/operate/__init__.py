"""What an operator does with a deployment: bootstrap, deploy, smoke, logs, destroy. Never deployed itself."""
