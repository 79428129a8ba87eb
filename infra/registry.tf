# The images' repositories, and the accounts that build images and functions.

resource "google_artifact_registry_repository" "images" {
  repository_id          = "promptreel"
  location               = var.region
  description            = "promptreel's container images"
  format                 = "DOCKER"
  cleanup_policy_dry_run = false
  kms_key_name           = var.kms_key

  # Tags may move: what runs is named by digest, and images whose tags are immutable are not cleaned up ("prevents all tags
  # from being modified, moved or deleted": the API's words on immutableTags).
  docker_config {
    immutable_tags = false
  }

  cleanup_policies {
    id     = "keep-the-latest"
    action = "KEEP"
    most_recent_versions {
      keep_count = 10 # so many rollbacks are possible
    }
  }

  cleanup_policies {
    id     = "delete-the-old"
    action = "DELETE"
    condition {
      tag_state  = "ANY"
      older_than = "2592000s"
    }
  }

  depends_on = [google_project_service.this, time_sleep.key]
}

# Apart from the images, because the functions' builder moves tags.
resource "google_artifact_registry_repository" "functions" {
  repository_id          = "promptreel-functions"
  location               = var.region
  description            = "what the functions run as"
  format                 = "DOCKER"
  cleanup_policy_dry_run = false
  kms_key_name           = var.kms_key

  cleanup_policies {
    id     = "keep-the-latest"
    action = "KEEP"
    most_recent_versions {
      keep_count = 3
    }
  }

  cleanup_policies {
    id     = "delete-the-old"
    action = "DELETE"
    condition {
      tag_state  = "ANY"
      older_than = "2592000s"
    }
  }

  depends_on = [google_project_service.this, time_sleep.key]
}

resource "google_artifact_registry_repository_iam_member" "build_writes" {
  for_each = {
    build           = google_artifact_registry_repository.images.repository_id
    build_functions = google_artifact_registry_repository.functions.repository_id
  }

  location   = var.region
  repository = each.value
  role       = "roles/artifactregistry.writer"
  member     = google_service_account.this[each.key].member
}

resource "google_project_iam_member" "build_logs" {
  for_each = toset(["build", "build_functions"])

  project = var.project
  role    = "roles/logging.logWriter"
  member  = google_service_account.this[each.key].member
}

# A build reads its source from a bucket that Cloud Functions creates at the first deployment.
resource "google_project_iam_member" "build_reads_staged_source" {
  project = var.project
  role    = "roles/storage.objectViewer"
  member  = google_service_account.this["build_functions"].member

  condition {
    title      = "the functions' staged source"
    expression = "resource.name.startsWith(\"projects/_/buckets/gcf-v2-sources-${data.google_project.this.number}-${var.region}\")"
  }
}
