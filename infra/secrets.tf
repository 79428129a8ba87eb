# There is no secret. Earlier deployments had an empty, unused one; Terraform forgets it without deleting it.
removed {
  from = google_secret_manager_secret.this

  lifecycle {
    destroy = false
  }
}
