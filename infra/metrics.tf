# Log-based metrics, listed in config/metrics.json; a test compares their filters with lines that the code writes.

locals {
  log_metrics = jsondecode(file("${path.module}/config/metrics.json")).metrics
  log_source  = "resource.type=\"cloud_run_revision\""
  log_filters = {
    for name, metric in local.log_metrics : name => join(" AND ", concat([local.log_source], [
      for field, values in metric.match : contains(values, "*") ? "jsonPayload.${field}:*" : "jsonPayload.${field}=(${join(" OR ", [for value in values : "\"${value}\""])})"
    ]))
  }
  metric_types = { for name, metric in google_logging_metric.this : name => "logging.googleapis.com/user/${metric.name}" }
}

resource "google_logging_metric" "this" {
  for_each = local.log_metrics

  name             = "promptreel/${each.key}"
  description      = each.value.description
  filter           = local.log_filters[each.key]
  label_extractors = { for label, field in each.value.labels : label => "EXTRACT(jsonPayload.${field})" }
  value_extractor  = try("EXTRACT(jsonPayload.${each.value.value})", null)

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = can(each.value.value) ? "DISTRIBUTION" : "INT64"
    unit        = try(each.value.unit, "1")

    dynamic "labels" {
      for_each = each.value.labels
      content {
        key        = labels.key
        value_type = "STRING"
      }
    }
  }

  dynamic "bucket_options" {
    for_each = try([each.value.value], [])
    content {
      exponential_buckets {
        num_finite_buckets = 24
        growth_factor      = 2
        scale              = 1
      }
    }
  }

  depends_on = [google_project_service.this]
}

resource "google_logging_project_bucket_config" "default" {
  project        = var.project
  location       = "global"
  bucket_id      = "_Default"
  retention_days = 30
  depends_on     = [google_project_service.this]
}
