# The orchestration, word for word as it runs locally: file(), because its ${…} are its own.

resource "google_workflows_workflow" "film" {
  name                = local.services.workflow.name
  region              = var.region
  description         = "One film, from a request to a finished cut."
  service_account     = google_service_account.this["workflow"].id
  source_contents     = file("${path.module}/../${local.services.workflow.source}")
  user_env_vars       = local.filled.workflow_env
  call_log_level      = "LOG_ERRORS_ONLY" # all calls would log prompts and signed links
  deletion_protection = var.protected
  crypto_key_name     = var.kms_key
  depends_on          = [google_project_service.this, time_sleep.key]
}
