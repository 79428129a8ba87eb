# The queues share Veo's quota in the proportion of queues.json. Each model's own quota is kept by send slots, whatever burst
# a queue begins with (docs/adr/0032).

locals {
  clip_queues = { for name, queue in local.queues : name => queue if startswith(name, "clips") }
  clip_pace   = var.veo_quota_per_minute / sum([for queue in local.clip_queues : queue.dispatches_per_minute])
}

resource "google_cloud_tasks_queue" "this" {
  for_each = local.queues

  name            = each.key
  location        = var.region
  deletion_policy = var.protected ? "PREVENT" : "DELETE" # a deleted queue's name stays blocked for days

  rate_limits {
    # Rounded down to a value that a double holds exactly, or every plan would show 0.333… as changed.
    max_dispatches_per_second = floor(each.value.dispatches_per_minute / 60 * (startswith(each.key, "clips") ? local.clip_pace : 1) * 65536) / 65536
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
  for_each = { for key, grant in local.grants : key => grant if contains(["enqueue", "see"], grant.verb) }

  location = var.region
  name     = google_cloud_tasks_queue.this[each.value.what].name
  role     = each.value.role
  member   = google_service_account.this[each.value.who].member
}

# A task is sent as an account, and the account that enqueues it must be allowed to act as that one.
resource "google_service_account_iam_member" "names_the_caller" {
  for_each = toset([for grant in local.grants : grant.who if grant.verb == "enqueue"])

  service_account_id = google_service_account.this["tasks"].name
  role               = "roles/iam.serviceAccountUser"
  member             = google_service_account.this[each.key].member
}
