# Who there is, and what each may do that belongs to the project as a whole. The other grants stand beside what they
# open: storage.tf, tasks.tf, functions.tf, stitcher.tf, studio.tf, events.tf, registry.tf.

resource "google_service_account" "this" {
  for_each = local.accounts

  account_id   = each.value
  display_name = "promptreel: ${replace(each.key, "_", " ")}"
  depends_on   = [google_project_service.this]
}

locals {
  # What the verbs of access.json mean. A verb that is not here stops the plan.
  roles = {
    database = "roles/datastore.user"
    enqueue  = "roles/cloudtasks.enqueuer"
    execute  = "roles/workflows.invoker"
    read     = "roles/storage.objectViewer"
    see      = google_project_iam_custom_role.this["promptreelTaskViewer"].name
    sign     = google_project_iam_custom_role.this["promptreelSigner"].name
    vertex   = google_project_iam_custom_role.this["promptreelPredictor"].name
    write    = "roles/storage.objectUser" # not objectCreator: a retry overwrites
  }

  # "read artifacts" of access.json, taken apart: one entry for each grant.
  grants = merge([
    for who, wanted in merge(local.access.grants, { studio = local.access.grants.api }) : {
      for grant in wanted : "${who} ${grant}" => { who = who, verb = split(" ", grant)[0], what = try(split(" ", grant)[1], ""), role = local.roles[split(" ", grant)[0]] }
    }
  ]...)
}

# Where Google's own roles allow far more than is done: aiplatform.user reads and changes every model of the project,
# serviceAccountTokenCreator mints tokens for any audience, and objectUser reads what others uploaded.
resource "google_project_iam_custom_role" "this" {
  for_each = {
    promptreelPredictor  = ["aiplatform.endpoints.predict"] # models, and operations of theirs: polling is a POST to the model too
    promptreelSigner     = ["iam.serviceAccounts.signBlob"]
    promptreelTaskViewer = ["cloudtasks.tasks.get"]
    promptreelUploader   = ["storage.objects.create", "storage.objects.delete"] # without delete, a corrected file of the same name is refused
  }

  role_id     = each.key
  title       = "promptreel: ${lower(trimprefix(each.key, "promptreel"))}"
  permissions = each.value
  depends_on  = [google_project_service.this]
}

# Nothing finer exists for these than the project; Firestore's is narrowed to the one database.
resource "google_project_iam_member" "granted" {
  for_each = { for key, grant in local.grants : key => grant if contains(["database", "execute", "vertex"], grant.verb) }

  project = var.project
  role    = each.value.role
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
  role               = each.value.role
  member             = google_service_account.this[each.value.who].member
}

resource "google_project_iam_member" "workflow_logs" {
  project = var.project
  role    = "roles/logging.logWriter"
  member  = google_service_account.this["workflow"].member
}
