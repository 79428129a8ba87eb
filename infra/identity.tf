# Who there is, and what each may do that belongs to the project as a whole. The other grants stand beside what they
# open: storage.tf, tasks.tf, functions.tf, stitcher.tf, studio.tf, events.tf, secrets.tf, registry.tf.

resource "google_service_account" "this" {
  for_each = local.accounts

  account_id   = each.value
  display_name = "promptreel: ${replace(each.key, "_", " ")}"
  depends_on   = [google_project_service.this]
}

locals {
  # "read artifacts" of access.json, taken apart: one entry for each grant.
  grants = merge([
    for who, wanted in merge(local.access.grants, { studio = local.access.grants.api }) : {
      for grant in wanted : "${who} ${grant}" => { who = who, verb = split(" ", grant)[0], what = try(split(" ", grant)[1], "") }
    }
  ]...)
  project_roles = { database = "roles/datastore.user", execute = "roles/workflows.invoker", vertex = "roles/aiplatform.user" }
}

# Nothing finer exists for these than the project; Firestore's is narrowed to the one database.
resource "google_project_iam_member" "granted" {
  for_each = { for key, grant in local.grants : key => grant if contains(keys(local.project_roles), grant.verb) }

  project = var.project
  role    = local.project_roles[each.value.verb]
  member  = google_service_account.this[each.value.who].member

  dynamic "condition" {
    for_each = each.value.verb == "database" ? [google_firestore_database.this.name] : []
    content {
      title      = "promptreel's database"
      expression = "resource.name == \"projects/${var.project}/databases/${condition.value}\""
    }
  }
}

# Signed links without a key file: an account may sign as itself, and only as itself.
resource "google_service_account_iam_member" "signs_as_itself" {
  for_each = { for key, grant in local.grants : key => grant if grant.verb == "sign" }

  service_account_id = google_service_account.this[each.value.who].name
  role               = "roles/iam.serviceAccountTokenCreator"
  member             = google_service_account.this[each.value.who].member
}

resource "google_project_iam_member" "workflow_logs" {
  project = var.project
  role    = "roles/logging.logWriter"
  member  = google_service_account.this["workflow"].member
}
