# The configuration shared with the local stack (infra/config), and the values of its {placeholders} in the cloud.

locals {
  access   = jsondecode(file("${path.module}/config/access.json"))
  queues   = { for name, queue in jsondecode(file("${path.module}/config/queues.json")) : name => queue if name != "comment" }
  services = jsondecode(file("${path.module}/config/services.json"))

  # Accounts that exist only in the cloud: the studio's and the builds'. Images and functions are built by different
  # accounts, so that a malicious dependency of one cannot replace the other.
  accounts = merge(local.access.accounts, { studio = "film-studio", build = "film-build", build_functions = "film-build-functions" })
  people   = distinct(concat([for one in var.operators : startswith(one, "group:") ? one : "${endswith(one, ".gserviceaccount.com") ? "serviceAccount" : "user"}:${one}"], var.people))

  # One name for a function, its Cloud Run service and its address. Cloud Run's addresses are known before the service
  # exists, so functions can have each other's as a setting without a dependency cycle.
  service_names = { for name in concat(keys(local.services.functions), keys(local.services.services), ["studio"]) : name => replace(name, "_", "-") }
  urls          = { for name, service in local.service_names : name => "https://${service}-${data.google_project.this.number}.${var.region}.run.app" }
  buckets       = { for name, pattern in local.services.buckets : name => "${replace(pattern, "{project}", var.project)}${var.bucket_suffix}" }

  # The provider's default labels do not reach Monitoring: monitoring.tf sets them (user_labels).
  labels = merge(var.labels, { app = "promptreel", env = var.environment })

  placeholders = merge(
    { project = var.project, project_number = data.google_project.this.number, region = var.region, veo_location = var.veo_location, veo_quota_per_minute = tostring(var.veo_quota_per_minute), database = var.database, operators = join(",", var.operators), picture_buckets = join(",", var.picture_buckets), max_active_jobs = tostring(var.max_active_jobs), requests_per_minute = tostring(var.requests_per_minute) },
    { for name, bucket in local.buckets : "bucket.${name}" => bucket },
    { for name, url in local.urls : "url.${name}" => url },
    { for name, account in google_service_account.this : "account.${name}" => account.email },
  )
  tokens = "\\{[a-z][a-z0-9_.-]*\\}|[^{]+"
  env_texts = {
    env          = local.services.env
    studio_env   = local.services.studio_env
    workflow_env = local.services.workflow.env

    replicate_env = var.replicate_token == null ? {} : local.services.replicate_env
  }
  filled = {
    for part, texts in local.env_texts :
    part => { for name, text in texts : name => join("", [for token in regexall(local.tokens, text) : startswith(token, "{") ? local.placeholders[trim(token, "{}")] : token]) }
  }
}

data "google_project" "this" {}
