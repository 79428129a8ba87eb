# Clips leave for Veo at the pace of its quota. queues.json is written for 50 requests a minute.

resource "google_cloud_tasks_queue" "this" {
  for_each = local.queues

  name            = each.key
  location        = var.region
  deletion_policy = var.protected ? "PREVENT" : "DELETE" # a deleted queue's name stays blocked for days

  rate_limits {
    # Cut to what a double holds exactly: every plan would else find 0.333… changed. Never more than the quota.
    max_dispatches_per_second = floor(each.value.dispatches_per_minute / 60 * (startswith(each.key, "clips") ? var.veo_quota_per_minute / 50 : 1) * 65536) / 65536
    max_concurrent_dispatches = each.value.max_concurrent_dispatches
  }

  retry_config {
    max_attempts  = each.value.retry.max_attempts
    min_backoff   = "${each.value.retry.min_backoff_s}s"
    max_backoff   = "${each.value.retry.max_backoff_s}s"
    max_doublings = each.value.retry.max_doublings
  }

  stackdriver_logging_config {
    sampling_ratio = 1
  }

  depends_on = [google_project_service.this]
}

resource "google_cloud_tasks_queue_iam_member" "enqueues" {
  for_each = { for key, grant in local.grants : key => grant if grant.verb == "enqueue" }

  location = var.region
  name     = google_cloud_tasks_queue.this[each.value.what].name
  role     = each.value.role
  member   = google_service_account.this[each.value.who].member
}

# A task is sent in the name of an account; whoever enqueues it must be allowed to use that name.
resource "google_service_account_iam_member" "names_the_caller" {
  for_each = toset([for grant in local.grants : grant.who if grant.verb == "enqueue"])

  service_account_id = google_service_account.this["tasks"].name
  role               = "roles/iam.serviceAccountUser"
  member             = google_service_account.this[each.key].member
}
