# What the local stack is told too (infra/config), and what its {placeholders} mean here.

locals {
  access   = jsondecode(file("${path.module}/config/access.json"))
  queues   = { for name, queue in jsondecode(file("${path.module}/config/queues.json")) : name => queue if name != "comment" }
  services = jsondecode(file("${path.module}/config/services.json"))

  # The studio is the API behind another door, and builds have accounts of their own: these exist only in the cloud. Images and
  # functions are built as different accounts, so that a poisoned dependency of one cannot replace the other.
  accounts = merge(local.access.accounts, { studio = "film-studio", build = "film-build", build_functions = "film-build-functions" })
  people   = distinct(concat([for one in var.operators : startswith(one, "group:") ? one : "${endswith(one, ".gserviceaccount.com") ? "serviceAccount" : "user"}:${one}"], var.people))

  # One name for a function, its Cloud Run service and its address. Cloud Run's addresses are known before the service
  # exists, so that functions can be told each other's without a circle.
  service_names = { for name in concat(keys(local.services.functions), keys(local.services.services), ["studio"]) : name => replace(name, "_", "-") }
  urls          = { for name, service in local.service_names : name => "https://${service}-${data.google_project.this.number}.${var.region}.run.app" }
  buckets       = { for name, pattern in local.services.buckets : name => "${replace(pattern, "{project}", var.project)}${var.bucket_suffix}" }

  # Monitoring takes no default labels of the provider's: monitoring.tf gives them by hand (user_labels).
  labels = merge(var.labels, { app = "promptreel", env = var.environment })

  placeholders = merge(
    { project = var.project, project_number = data.google_project.this.number, region = var.region, veo_location = var.veo_location, database = var.database, operators = join(",", var.operators) },
    { for name, bucket in local.buckets : "bucket.${name}" => bucket },
    { for name, url in local.urls : "url.${name}" => url },
    { for name, account in google_service_account.this : "account.${name}" => account.email },
  )
  tokens = "\\{[a-z][a-z0-9_.-]*\\}|[^{]+"
  env_texts = {
    env          = local.services.env
    studio_env   = local.services.studio_env
    workflow_env = local.services.workflow.env
  }
  filled = {
    for part, texts in local.env_texts :
    part => { for name, text in texts : name => join("", [for token in regexall(local.tokens, text) : startswith(token, "{") ? local.placeholders[trim(token, "{}")] : token]) }
  }
}

data "google_project" "this" {}
