# The buckets of prompts, uploaded pictures, artifacts, reports and the functions' source. None is public.

locals {
  day_s = 86400

  # Only sweep_jobs deletes a job's objects (docs/adr/0008): a resumed job may need paid objects that are older than any
  # age a bucket's rule could name.
  bucket_rules = {
    artifacts = { delete_after_days = null, soft_delete_days = 7, cors = [local.urls.studio] }
    prompts   = { delete_after_days = 30, soft_delete_days = 7, cors = [] }
    results   = { delete_after_days = 90, soft_delete_days = 7, cors = [] }
    uploads   = { delete_after_days = 2, soft_delete_days = 0, cors = [] } # a job keeps what it uses
  }
}

resource "google_storage_bucket" "this" {
  for_each = local.buckets

  name                        = each.value
  location                    = var.region
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = false
  deletion_policy             = var.protected ? "PREVENT" : "DELETE"

  dynamic "encryption" {
    for_each = var.kms_key == null ? [] : [var.kms_key]
    content {
      default_kms_key_name = encryption.value
    }
  }

  soft_delete_policy {
    retention_duration_seconds = local.bucket_rules[each.key].soft_delete_days * local.day_s
  }

  dynamic "lifecycle_rule" {
    for_each = local.bucket_rules[each.key].delete_after_days == null ? [] : [local.bucket_rules[each.key].delete_after_days]
    content {
      action {
        type = "Delete"
      }
      condition {
        age = lifecycle_rule.value
      }
    }
  }

  lifecycle_rule {
    action {
      type = "AbortIncompleteMultipartUpload"
    }
    condition {
      age = 1
    }
  }

  dynamic "cors" {
    for_each = length(local.bucket_rules[each.key].cors) > 0 ? [local.bucket_rules[each.key].cors] : []
    content {
      origin          = cors.value
      method          = ["GET", "HEAD"]
      response_header = ["Content-Type", "Content-Length", "Content-Range", "Accept-Ranges"]
      max_age_seconds = 3600
    }
  }

  depends_on = [google_project_service.this, time_sleep.key]
}

resource "google_storage_bucket" "source" {
  name                        = "${var.project}-source${var.bucket_suffix}"
  location                    = var.region
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = false
  deletion_policy             = "DELETE"

  versioning {
    enabled = true
  }

  dynamic "encryption" {
    for_each = var.kms_key == null ? [] : [var.kms_key]
    content {
      default_kms_key_name = encryption.value
    }
  }

  soft_delete_policy {
    retention_duration_seconds = 0 # Git has older sources
  }

  # `gcloud builds submit` uploads the source of each image build and never deletes it.
  lifecycle_rule {
    action {
      type = "Delete"
    }
    condition {
      age            = 30
      matches_prefix = ["builds/"]
    }
  }

  lifecycle_rule {
    action {
      type = "Delete"
    }
    condition {
      num_newer_versions = 3
      with_state         = "ARCHIVED"
    }
  }

  lifecycle_rule {
    action {
      type = "Delete"
    }
    condition {
      days_since_noncurrent_time = 30
      with_state                 = "ARCHIVED"
    }
  }

  depends_on = [google_project_service.this, time_sleep.key]
}

resource "google_storage_bucket_iam_member" "granted" {
  for_each = { for key, grant in local.grants : key => grant if contains(["read", "write", "receive"], grant.verb) }

  bucket = google_storage_bucket.this[each.value.what].name
  role   = each.value.role
  member = google_service_account.this[each.value.who].member

  # Who accepts requests stores the pictures that they bring, and nothing else of a job.
  dynamic "condition" {
    for_each = each.value.verb == "receive" && each.value.what == "artifacts" ? [google_storage_bucket.this["artifacts"].name] : []
    content {
      title      = "references"
      expression = "resource.name.extract(\"${condition.value}/objects/jobs/{job}/references/\") != \"\" || resource.name.startsWith(\"projects/_/buckets/${condition.value}/objects/intake/\")"
    }
  }
}

# Buckets of pictures that belong to others: whoever accepts requests reads them.
resource "google_storage_bucket_iam_member" "reads_pictures" {
  for_each = merge([
    for bucket in var.picture_buckets : { for who in ["api", "studio", "open_job"] : "${who} ${bucket}" => { who = who, bucket = bucket } }
  ]...)

  bucket = each.value.bucket
  role   = "roles/storage.objectViewer"
  member = google_service_account.this[each.value.who].member
}

resource "google_storage_bucket_iam_member" "build_reads_source" {
  for_each = toset(["build", "build_functions"])

  bucket = google_storage_bucket.source.name
  role   = "roles/storage.objectViewer"
  member = google_service_account.this[each.key].member
}

# People may request a film by a file: they can write and replace prompts without reading any, and read the reports.
resource "google_storage_bucket_iam_member" "people_upload_prompts" {
  for_each = toset(local.people)

  bucket = google_storage_bucket.this["prompts"].name
  role   = google_project_iam_custom_role.this["promptreelUploader"].name
  member = each.key
}

resource "google_storage_bucket_iam_member" "people_read_results" {
  for_each = toset(local.people)

  bucket = google_storage_bucket.this["results"].name
  role   = "roles/storage.objectViewer"
  member = each.key
}

# The accounts as which Veo writes clips, if not as the caller: they may write clips only, and list nothing.
resource "google_storage_bucket_iam_member" "writes_clips" {
  for_each = toset(var.clip_writers)

  bucket = google_storage_bucket.this["artifacts"].name
  role   = "roles/storage.objectUser"
  member = each.key

  condition {
    title      = "clips"
    expression = "resource.name.extract(\"${google_storage_bucket.this["artifacts"].name}/objects/jobs/{job}/clips/\") != \"\""
  }
}
