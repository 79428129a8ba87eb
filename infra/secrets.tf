# Names and readers of secrets. Their values never pass through Terraform, whose state would keep them.

resource "google_secret_manager_secret" "this" {
  for_each = local.services.secrets

  secret_id           = each.key
  deletion_protection = var.protected

  replication {
    auto {}
  }

  depends_on = [google_project_service.this]
}

resource "google_secret_manager_secret_iam_member" "reads" {
  for_each = merge([
    for name, secret in local.services.secrets : { for reader in secret.readers : "${reader} reads ${name}" => { secret = name, reader = reader } }
  ]...)

  secret_id = google_secret_manager_secret.this[each.value.secret].secret_id
  role      = "roles/secretmanager.secretAccessor"
  member    = google_service_account.this[each.value.reader].member
}
