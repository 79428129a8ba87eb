"""Stand-in for the IAM Service Account Credentials API: signing without holding a key."""
