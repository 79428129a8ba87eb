# A prompt uploaded to the prompts bucket starts the film workflow.

resource "google_eventarc_trigger" "this" {
  for_each = local.services.triggers

  name            = each.key
  location        = var.region
  service_account = google_service_account.this["eventarc"].email

  matching_criteria {
    attribute = "type"
    value     = each.value.event
  }

  matching_criteria {
    attribute = "bucket"
    value     = google_storage_bucket.this[each.value.bucket].name
  }

  destination {
    workflow = google_workflows_workflow.film.id
  }

  depends_on = [time_sleep.grants]
}

resource "google_project_iam_member" "eventarc_receives" {
  project = var.project
  role    = "roles/eventarc.eventReceiver"
  member  = google_service_account.this["eventarc"].member
}

resource "google_project_iam_member" "eventarc_starts" {
  project = var.project
  role    = "roles/workflows.invoker"
  member  = google_service_account.this["eventarc"].member
}

# Cloud Storage's own agent publishes events of new objects to Pub/Sub.
data "google_storage_project_service_account" "this" {}

resource "google_project_iam_member" "storage_publishes" {
  project    = var.project
  role       = "roles/pubsub.publisher"
  member     = data.google_storage_project_service_account.this.member
  depends_on = [google_project_service.this]
}
