# There is no secret. Earlier deployments have an empty one that nothing read; it is left where it is.
removed {
  from = google_secret_manager_secret.this

  lifecycle {
    destroy = false
  }
}
