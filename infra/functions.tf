# Every entry point of functions/main.py, each as its own account, from one source.

data "archive_file" "functions" {
  type             = "zip"
  source_dir       = "${path.module}/../functions"
  output_path      = "${path.module}/build/functions.zip"
  output_file_mode = "0644" # the same bytes on every machine
  excludes         = ["**/__pycache__", "**/*.pyc", "**/.*", "**/*.egg-info", "**/node_modules"]
}

resource "google_storage_bucket_object" "functions" {
  name   = "functions-${data.archive_file.functions.output_sha256}.zip" # a function is redeployed only when the name changes
  bucket = google_storage_bucket.source.name
  source = data.archive_file.functions.output_path
}

resource "google_cloudfunctions2_function" "this" {
  for_each = local.services.functions

  name         = local.service_names[each.key]
  location     = var.region
  description  = "promptreel: ${each.key}"
  kms_key_name = var.kms_key

  build_config {
    runtime           = "python312"
    entry_point       = each.key
    service_account   = google_service_account.this["build_functions"].id
    docker_repository = google_artifact_registry_repository.functions.id

    source {
      storage_source {
        bucket = google_storage_bucket.source.name
        object = google_storage_bucket_object.functions.name
      }
    }
  }

  service_config {
    service_account_email            = google_service_account.this[each.key].email
    ingress_settings                 = each.key == "api" ? "ALLOW_ALL" : "ALLOW_INTERNAL_ONLY"
    timeout_seconds                  = each.value.timeout_s
    available_memory                 = local.sizes[each.key].memory
    available_cpu                    = tostring(local.sizes[each.key].cpu)
    max_instance_request_concurrency = local.sizes[each.key].concurrency
    max_instance_count               = local.sizes[each.key].instances
    min_instance_count               = 0
    all_traffic_on_latest_revision   = true
    environment_variables            = merge(local.filled.env, local.filled.replicate_env, local.sizes[each.key].env)

    # By number, so that another token is another revision, which can be rolled back.
    dynamic "secret_environment_variables" {
      for_each = contains(lookup(local.replicate_grants, each.key, []), "replicate") ? [var.replicate_token] : []
      content {
        key        = "PROMPTREEL_REPLICATE_TOKEN"
        project_id = var.project
        secret     = secret_environment_variables.value.secret
        version    = tostring(secret_environment_variables.value.version)
      }
    }
  }

  # Every paid call asks for equal ones first, and a query without its index ends the job.
  depends_on = [time_sleep.grants, time_sleep.key, google_firestore_field.calls_cache_key]
}

# Cloud Run checks invokers; Cloud Functions' own invoker role has no effect.
resource "google_cloud_run_v2_service_iam_member" "invokes" {
  for_each = merge([
    for name, callers in local.access.invokers : {
      for caller in callers : "${caller} calls ${name}" => { service = name, caller = caller } if caller != "people" && contains(keys(local.services.functions), name)
    }
  ]...)

  location = var.region
  name     = google_cloudfunctions2_function.this[each.value.service].name
  role     = "roles/run.invoker"
  member   = google_service_account.this[each.value.caller].member
}

resource "google_cloud_run_v2_service_iam_member" "people" {
  for_each = toset(contains(local.access.invokers.api, "people") ? local.people : [])

  location = var.region
  name     = google_cloudfunctions2_function.this["api"].name
  role     = "roles/run.invoker"
  member   = each.key
}
