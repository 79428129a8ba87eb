# Resources that Google accepts only minutes after what they need was created. Terraform waits, so that one apply suffices.

# Alert policies and SLOs on a log metric answer 404 ("could take up to 10 minutes") while it is new, and the provider does
# not retry: github.com/hashicorp/terraform-provider-google/issues/11102. A new metric means a new wait.
resource "time_sleep" "log_metrics" {
  create_duration = "600s"
  triggers        = { for name, metric in google_logging_metric.this : name => metric.name }
}

# A build or a trigger that starts before its grants have propagated fails with 403, and so does a function whose account may not
# read its secret yet. The provider's own sample of a function with its own build account waits a minute.
resource "time_sleep" "grants" {
  create_duration = "120s"
  triggers = merge(
    {
      build_functions = google_service_account.this["build_functions"].email
      eventarc        = google_service_account.this["eventarc"].email
    },
    var.replicate_token == null ? {} : { replicate = var.replicate_token.secret },
  )

  depends_on = [
    google_artifact_registry_repository_iam_member.build_writes,
    google_project_iam_member.build_logs,
    google_project_iam_member.build_reads_staged_source,
    google_project_iam_member.eventarc_receives,
    google_project_iam_member.eventarc_starts,
    google_project_iam_member.storage_publishes,
    google_secret_manager_secret_iam_member.reads_token,
    google_storage_bucket_iam_member.build_reads_source,
  ]
}
