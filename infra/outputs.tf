output "api_url" {
  description = "Where programs submit films (PROMPTREEL_API of the `promptreel` command)."
  value       = local.urls.api
}

output "buckets" {
  description = "The buckets of prompts, artifacts and reports."
  value       = { for name, bucket in google_storage_bucket.this : name => bucket.url }
}

output "console" {
  description = "Pages of the Google Cloud console."
  value = {
    alerts     = "https://console.cloud.google.com/monitoring/alerting?project=${var.project}"
    dashboard  = "https://console.cloud.google.com/monitoring/dashboards?project=${var.project}"
    executions = "https://console.cloud.google.com/workflows/workflow/${var.region}/${google_workflows_workflow.film.name}/executions?project=${var.project}"
    jobs       = "https://console.cloud.google.com/firestore/databases/${var.database == "(default)" ? "-default-" : var.database}/data/panel/jobs?project=${var.project}"
    logs       = "https://console.cloud.google.com/logs/query?project=${var.project}"
  }
}

output "images" {
  description = "The repository of the images that `make deploy` builds."
  value       = "${var.region}-docker.pkg.dev/${var.project}/${google_artifact_registry_repository.images.repository_id}"
}

output "source_bucket" {
  description = "The bucket of the functions' source; image builds upload theirs to builds/."
  value       = google_storage_bucket.source.url
}

output "studio_url" {
  description = "The address of the studio, for people in a browser."
  value       = local.urls.studio
}

output "workflow" {
  description = "The workflow's name, for `gcloud workflows run`."
  value       = google_workflows_workflow.film.name
}

output "deployed" {
  description = "The images that run, by digest; a destroy needs them as variables."
  value       = { stitcher_image = var.stitcher_image, studio_image = var.studio_image }
}

output "deployment" {
  description = "The region and the operators; later `make` commands read them from the state."
  value       = { region = var.region, operators = var.operators }
}
