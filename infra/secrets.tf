# The signing secrets of webhooks are made at run time (identity.tf has the grants), so that no state of Terraform holds them.

# Replicate's token is the only secret that a deployment is given. An operator creates it (docs/deploy.md), so that its value is in no state of
# Terraform, and `make destroy` leaves it. Without it that backend is off.

locals {
  replicate_grants = { for who, grants in local.access.replicate_grants : who => grants if var.replicate_token != null }
}

resource "google_secret_manager_secret_iam_member" "reads_token" {
  for_each = { for key, grant in local.grants : key => grant if grant.verb == "replicate" }

  secret_id  = var.replicate_token.secret
  role       = each.value.role
  member     = google_service_account.this[each.value.who].member
  depends_on = [google_project_service.this]
}

# Earlier deployments had an empty, unused secret; Terraform forgets it without deleting it.
removed {
  from = google_secret_manager_secret.this

  lifecycle {
    destroy = false
  }
}
