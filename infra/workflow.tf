# The workflow, the same file as in the local stack: read by file(), because ${…} in it belongs to Workflows.

resource "google_workflows_workflow" "film" {
  name                = local.services.workflow.name
  region              = var.region
  description         = "One film, from a request to a finished cut."
  service_account     = google_service_account.this["workflow"].id
  source_contents     = file("${path.module}/../${local.services.workflow.source}")
  user_env_vars       = local.filled.workflow_env
  call_log_level      = "LOG_ERRORS_ONLY" # LOG_ALL_CALLS would log prompts and signed links
  deletion_protection = var.protected
  crypto_key_name     = var.kms_key
  depends_on          = [google_project_service.this, time_sleep.key]
}
