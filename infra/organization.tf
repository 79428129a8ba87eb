# Options that an organization may require: its own key, and a perimeter. infra/README.md has examples.

locals {
  # Google's agents that read or write with the key.
  key_users = var.kms_key == null ? {} : {
    artifacts = "service-${data.google_project.this.number}@gcp-sa-artifactregistry.iam.gserviceaccount.com"
    database  = "service-${data.google_project.this.number}@gcp-sa-firestore.iam.gserviceaccount.com"
    functions = "service-${data.google_project.this.number}@gcf-admin-robot.iam.gserviceaccount.com"
    services  = "service-${data.google_project.this.number}@serverless-robot-prod.iam.gserviceaccount.com"
    storage   = data.google_storage_project_service_account.this.email_address
    workflows = "service-${data.google_project.this.number}@gcp-sa-workflows.iam.gserviceaccount.com"
  }
}

resource "google_kms_crypto_key_iam_member" "uses_key" {
  for_each = local.key_users

  crypto_key_id = var.kms_key
  role          = "roles/cloudkms.cryptoKeyEncrypterDecrypter"
  member        = "serviceAccount:${each.value}"
  depends_on    = [google_project_service.this]
}

# Google refuses to create a bucket, database or repository before its agent may use the key.
resource "time_sleep" "key" {
  count = var.kms_key == null ? 0 : 1

  create_duration = "120s"
  depends_on      = [google_kms_crypto_key_iam_member.uses_key]
}

# Created last: afterwards nothing outside the perimeter can reach the project.
resource "google_access_context_manager_service_perimeter_resource" "this" {
  count = var.service_perimeter == null ? 0 : 1

  perimeter_name = var.service_perimeter
  resource       = "projects/${data.google_project.this.number}"

  depends_on = [
    google_cloud_run_v2_service.stitcher,
    google_cloud_run_v2_service.studio,
    google_cloudfunctions2_function.this,
    google_eventarc_trigger.this,
    google_monitoring_slo.makespan,
  ]
}
