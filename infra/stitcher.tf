# The stitcher: each instance renders one film at a time; only the workflow calls it.

resource "google_cloud_run_v2_service" "stitcher" {
  name                 = local.service_names.stitcher
  location             = var.region
  ingress              = "INGRESS_TRAFFIC_INTERNAL_ONLY"
  invoker_iam_disabled = false
  deletion_protection  = var.protected

  scaling {
    max_instance_count = local.sizes.stitcher.instances
  }

  template {
    service_account                  = google_service_account.this["stitcher"].email
    execution_environment            = "EXECUTION_ENVIRONMENT_GEN2"
    encryption_key                   = var.kms_key
    max_instance_request_concurrency = local.sizes.stitcher.concurrency
    timeout                          = "${local.services.services.stitcher.timeout_s}s"

    containers {
      image = var.stitcher_image

      resources {
        cpu_idle          = true
        startup_cpu_boost = true
        limits = {
          cpu    = tostring(local.sizes.stitcher.cpu)
          memory = local.sizes.stitcher.memory # includes /tmp
        }
      }

      dynamic "env" {
        for_each = merge(local.filled.env, local.sizes.stitcher.env)
        content {
          name  = env.key
          value = env.value
        }
      }

      startup_probe {
        period_seconds    = 2
        failure_threshold = 30
        http_get {
          path = "/healthz"
        }
      }
    }
  }

  lifecycle {
    precondition {
      condition     = var.stitcher_image != null
      error_message = "stitcher_image is not built yet: run `make deploy`."
    }
    precondition {
      condition     = local.sizes.stitcher.instances >= 1
      error_message = "One stitcher needs ${local.sizes.stitcher.cpu} vCPU and ${local.sizes.stitcher.memory}: cpu_quota (${var.cpu_quota}) or memory_quota_gib (${var.memory_quota_gib}) is below that. Request more (docs/deploy.md) or choose another region."
    }
  }

  depends_on = [google_project_service.this, time_sleep.key]
}

resource "google_cloud_run_v2_service_iam_member" "invokes_stitcher" {
  for_each = toset(local.access.invokers.stitcher)

  location = var.region
  name     = google_cloud_run_v2_service.stitcher.name
  role     = "roles/run.invoker"
  member   = google_service_account.this[each.key].member
}
