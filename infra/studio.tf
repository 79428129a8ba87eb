# The API for people in a browser, behind Identity-Aware Proxy. A separate image of the same source, because IAP cannot
# protect a function.

resource "google_cloud_run_v2_service" "studio" {
  name                 = local.service_names.studio
  location             = var.region
  ingress              = "INGRESS_TRAFFIC_ALL"
  iap_enabled          = true
  invoker_iam_disabled = false
  deletion_protection  = var.protected

  scaling {
    max_instance_count = local.sizes.studio.instances
  }

  template {
    service_account                  = google_service_account.this["studio"].email
    execution_environment            = "EXECUTION_ENVIRONMENT_GEN2"
    encryption_key                   = var.kms_key
    max_instance_request_concurrency = local.sizes.studio.concurrency
    timeout                          = "${local.services.functions.api.timeout_s}s"

    containers {
      image = var.studio_image

      resources {
        cpu_idle          = true
        startup_cpu_boost = true
        limits = {
          cpu    = tostring(local.sizes.studio.cpu)
          memory = local.sizes.studio.memory
        }
      }

      dynamic "env" {
        for_each = merge(local.filled.env, local.filled.replicate_env, local.filled.studio_env, local.sizes.studio.env)
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
      condition     = var.studio_image != null
      error_message = "studio_image is not built yet: run `make deploy`."
    }
  }

  depends_on = [google_project_service.this, time_sleep.key]
}

resource "google_cloud_run_v2_service_iam_member" "iap_invokes_studio" {
  location = var.region
  name     = google_cloud_run_v2_service.studio.name
  role     = "roles/run.invoker"
  member   = "serviceAccount:service-${data.google_project.this.number}@gcp-sa-iap.iam.gserviceaccount.com"
}

resource "google_iap_web_cloud_run_service_iam_member" "people" {
  for_each = toset(local.people)

  location               = var.region
  cloud_run_service_name = google_cloud_run_v2_service.studio.name
  role                   = "roles/iap.httpsResourceAccessor"
  member                 = each.key
}
