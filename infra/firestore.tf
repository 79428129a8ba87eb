# The job documents. The indexes are those that the queries of functions/promptreel/adapters/firestore.py need.

resource "google_firestore_database" "this" {
  name                              = var.database
  location_id                       = var.region
  type                              = "FIRESTORE_NATIVE"
  concurrency_mode                  = "OPTIMISTIC"
  point_in_time_recovery_enablement = "POINT_IN_TIME_RECOVERY_ENABLED"
  delete_protection_state           = var.protected ? "DELETE_PROTECTION_ENABLED" : "DELETE_PROTECTION_DISABLED"
  deletion_policy                   = var.protected ? "PREVENT" : "DELETE"

  dynamic "cmek_config" {
    for_each = var.kms_key == null ? [] : [var.kms_key]
    content {
      kms_key_name = cmek_config.value
    }
  }

  depends_on = [google_project_service.this, time_sleep.key]
}

# Point-in-time recovery ends with the database; a backup outlives it by its retention.
resource "google_firestore_backup_schedule" "daily" {
  database  = google_firestore_database.this.name
  retention = "604800s"

  daily_recurrence {}
}

locals {
  indexes = {
    "jobs of an owner"            = [["owner", "ASCENDING"], ["created", "DESCENDING"]]
    "jobs of an owner in a state" = [["owner", "ASCENDING"], ["state", "ASCENDING"], ["created", "DESCENDING"]]
    "jobs in a state"             = [["state", "ASCENDING"], ["created", "DESCENDING"]]
    "jobs in a state by age"      = [["state", "ASCENDING"], ["updated", "ASCENDING"]]
  }
}

resource "google_firestore_index" "jobs" {
  for_each = local.indexes

  database    = google_firestore_database.this.name
  collection  = "jobs"
  query_scope = "COLLECTION"

  dynamic "fields" {
    for_each = each.value
    content {
      field_path = fields.value[0]
      order      = fields.value[1]
    }
  }
}

# sweep_jobs looks for unfinished calls of all jobs at once.
resource "google_firestore_field" "calls_state" {
  database   = google_firestore_database.this.name
  collection = "calls"
  field      = "state"

  index_config {
    indexes {
      order       = "ASCENDING"
      query_scope = "COLLECTION"
    }
    indexes {
      order       = "ASCENDING"
      query_scope = "COLLECTION_GROUP"
    }
  }
}

# A call that is about to be sent looks for an equal one of its owner's other jobs (docs/adr/0016).
resource "google_firestore_field" "calls_cache_key" {
  database   = google_firestore_database.this.name
  collection = "calls"
  field      = "cache_key"

  index_config {
    indexes {
      order       = "ASCENDING"
      query_scope = "COLLECTION"
    }
    indexes {
      order       = "ASCENDING"
      query_scope = "COLLECTION_GROUP"
    }
  }
}

# sweep_jobs looks for webhooks of all jobs that are overdue.
resource "google_firestore_field" "deliveries_due" {
  database   = google_firestore_database.this.name
  collection = "deliveries"
  field      = "due"

  index_config {
    indexes {
      order       = "ASCENDING"
      query_scope = "COLLECTION"
    }
    indexes {
      order       = "ASCENDING"
      query_scope = "COLLECTION_GROUP"
    }
  }
}

# A deleted job's tombstone expires when nothing can write to the job any more (docs/adr/0004). Live jobs lack the field.
# Firestore may be days late. No index, because writes of growing time stamps would concentrate on one place in it.
resource "google_firestore_field" "forget" {
  database   = google_firestore_database.this.name
  collection = "jobs"
  field      = "forget"

  index_config {}
  ttl_config {}
}

# What an Idempotency-Key stands for expires after a day (docs/adr/0028).
resource "google_firestore_field" "answers_expire" {
  database   = google_firestore_database.this.name
  collection = "answers"
  field      = "expires"

  index_config {}
  ttl_config {}
}
