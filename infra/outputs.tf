output "api_url" {
  description = "Where programs submit films (PROMPTREEL_API of the `promptreel` command)."
  value       = local.urls.api
}

output "buckets" {
  description = "Prompts go in, films and reports come out."
  value       = { for name, bucket in google_storage_bucket.this : name => bucket.url }
}

output "console" {
  description = "Where to look."
  value = {
    alerts     = "https://console.cloud.google.com/monitoring/alerting?project=${var.project}"
    dashboard  = "https://console.cloud.google.com/monitoring/dashboards?project=${var.project}"
    executions = "https://console.cloud.google.com/workflows/workflow/${var.region}/${google_workflows_workflow.film.name}/executions?project=${var.project}"
    jobs       = "https://console.cloud.google.com/firestore/databases/${var.database == "(default)" ? "-default-" : var.database}/data/panel/jobs?project=${var.project}"
    logs       = "https://console.cloud.google.com/logs/query?project=${var.project}"
  }
}

output "images" {
  description = "Where `make deploy` puts images."
  value       = "${var.region}-docker.pkg.dev/${var.project}/${google_artifact_registry_repository.images.repository_id}"
}

output "source_bucket" {
  description = "What functions and images are built from; image builds upload to builds/."
  value       = google_storage_bucket.source.url
}

output "studio_url" {
  description = "The same films for people in a browser."
  value       = local.urls.studio
}

output "workflow" {
  description = "What `gcloud workflows run` takes."
  value       = google_workflows_workflow.film.name
}

output "deployed" {
  description = "The images that run, by digest: what a rollback or a teardown is given again."
  value       = { stitcher_image = var.stitcher_image, studio_image = var.studio_image }
}

output "deployment" {
  description = "Where this deployment is and who runs it: `make` reads it back, so that nobody has to say it again."
  value       = { region = var.region, operators = var.operators }
}
