# Calls the sweeper, which resumes abandoned work. Two runs at once do no harm, so no run waits for another.

resource "google_cloud_scheduler_job" "this" {
  for_each = local.services.schedules

  name             = replace(each.key, "_", "-")
  region           = var.region
  description      = "promptreel: ${each.key}"
  schedule         = "*/${each.value.every_s / 60} * * * *"
  time_zone        = "Etc/UTC"
  attempt_deadline = "${local.services.functions[each.value.service].timeout_s}s"

  retry_config {
    retry_count          = 1
    min_backoff_duration = "10s"
    max_backoff_duration = "60s"
  }

  http_target {
    http_method = "POST"
    uri         = local.urls[each.value.service]
    headers     = { "Content-Type" = "application/json" }
    body        = base64encode("{}")

    oidc_token {
      service_account_email = google_service_account.this["scheduler"].email
      audience              = local.urls[each.value.service]
    }
  }

  # Created after the function, because each failed run counts for the alert sweeper-silent.
  depends_on = [google_cloud_run_v2_service_iam_member.invokes]
}
