# The APIs of the project. They stay enabled after a destroy, because other parts of the project may use them.

locals {
  optional_apis = concat(
    var.kms_key == null ? [] : ["cloudkms.googleapis.com"],
    anytrue([for one in var.operators : startswith(one, "group:")]) ? ["cloudidentity.googleapis.com"] : [], # to read the members of a group
    var.service_perimeter == null ? [] : ["accesscontextmanager.googleapis.com"],
  )
}

resource "google_project_service" "this" {
  for_each = toset(concat(local.optional_apis, [
    "aiplatform.googleapis.com",
    "artifactregistry.googleapis.com",
    "billingbudgets.googleapis.com",
    "cloudbuild.googleapis.com",
    "cloudfunctions.googleapis.com",
    "cloudresourcemanager.googleapis.com",
    "cloudscheduler.googleapis.com",
    "cloudtasks.googleapis.com",
    "cloudtrace.googleapis.com",
    "eventarc.googleapis.com",
    "eventarcpublishing.googleapis.com",
    "firestore.googleapis.com",
    "iam.googleapis.com",
    "iamcredentials.googleapis.com",
    "iap.googleapis.com",
    "logging.googleapis.com",
    "monitoring.googleapis.com",
    "pubsub.googleapis.com",
    "run.googleapis.com",
    "secretmanager.googleapis.com",
    "storage.googleapis.com",
    "workflowexecutions.googleapis.com",
    "workflows.googleapis.com",
  ]))

  service            = each.key
  disable_on_destroy = false
}
