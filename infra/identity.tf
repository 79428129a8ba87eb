# The service accounts, and their grants on the whole project. The other grants are in the files of their resources:
# storage.tf, tasks.tf, functions.tf, stitcher.tf, studio.tf, events.tf, registry.tf, secrets.tf.

resource "google_service_account" "this" {
  for_each = local.accounts

  account_id   = each.value
  display_name = "promptreel: ${replace(each.key, "_", " ")}"
  depends_on   = [google_project_service.this]
}

locals {
  # The roles of access.json's verbs. The plan fails on an unknown verb.
  roles = {
    create    = google_project_iam_custom_role.this["promptreelSecretCreator"].name
    database  = "roles/datastore.user"
    enqueue   = "roles/cloudtasks.enqueuer"
    execute   = "roles/workflows.invoker"
    interact  = google_project_iam_custom_role.this["promptreelInteractor"].name
    keep      = google_project_iam_custom_role.this["promptreelSecretKeeper"].name
    read      = "roles/storage.objectViewer"
    receive   = google_project_iam_custom_role.this["promptreelReceiver"].name
    replicate = "roles/secretmanager.secretAccessor"
    see       = google_project_iam_custom_role.this["promptreelTaskViewer"].name
    sign      = google_project_iam_custom_role.this["promptreelSigner"].name
    use       = "roles/secretmanager.secretAccessor"
    vertex    = google_project_iam_custom_role.this["promptreelPredictor"].name
    write     = "roles/storage.objectUser" # not objectCreator: a retry overwrites
  }

  # One entry for each grant of access.json, such as "read artifacts".
  grants = merge([
    for who, wanted in merge(local.access.grants, { studio = local.access.grants.api }) : {
      for grant in concat(wanted, lookup(local.replicate_grants, who, [])) : "${who} ${grant}" => { who = who, verb = split(" ", grant)[0], what = try(split(" ", grant)[1], ""), role = local.roles[split(" ", grant)[0]] }
    }
  ]...)
}

# Custom roles, because Google's own allow far more than is needed: aiplatform.user reads and changes every model of the project,
# serviceAccountTokenCreator mints tokens for any audience, and objectUser reads what others uploaded.
resource "google_project_iam_custom_role" "this" {
  for_each = {
    promptreelInteractor    = ["aiplatform.interactions.create", "aiplatform.interactions.get"] # Gemini Omni: the API's reference, read 2026-11
    promptreelPredictor     = ["aiplatform.endpoints.predict"]                                  # covers polling too, which is a POST to the model
    promptreelReceiver      = ["storage.objects.create", "storage.objects.get"]                 # what is there stays as it is
    promptreelSecretCreator = ["secretmanager.secrets.create"]
    promptreelSecretKeeper  = ["secretmanager.versions.add", "secretmanager.versions.destroy"]
    promptreelSigner        = ["iam.serviceAccounts.signBlob"]
    promptreelTaskViewer    = ["cloudtasks.tasks.get"]
    promptreelUploader      = ["storage.objects.create", "storage.objects.delete"] # without delete, a corrected file of the same name is refused
  }

  role_id     = each.key
  title       = "promptreel: ${lower(trimprefix(each.key, "promptreel"))}"
  permissions = each.value
  depends_on  = [google_project_service.this]
}

locals {
  # Owners' secrets are made when an owner registers a webhook, so there is none yet to grant a role on: the roles hold for the
  # names that functions/promptreel/adapters/secrets.py gives them. Creating is checked on the project and has no such limit.
  signing_secrets = { title = "signing secrets", expression = "resource.name.startsWith(\"projects/${data.google_project.this.number}/secrets/promptreel-webhooks-\")" }
  conditions = {
    database = { title = "promptreel's database", expression = "resource.name == \"projects/${var.project}/databases/${google_firestore_database.this.name}\"" }
    keep     = local.signing_secrets
    use      = local.signing_secrets
  }
}

# These roles can only be granted on the project; conditions limit Firestore's to the one database, and those of secrets.
resource "google_project_iam_member" "granted" {
  for_each = { for key, grant in local.grants : key => grant if contains(["create", "database", "execute", "interact", "keep", "use", "vertex"], grant.verb) }

  project = var.project
  role    = each.value.role
  member  = google_service_account.this[each.value.who].member

  dynamic "condition" {
    for_each = contains(keys(local.conditions), each.value.verb) ? [local.conditions[each.value.verb]] : []
    content {
      title      = condition.value.title
      expression = condition.value.expression
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
