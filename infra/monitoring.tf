# What wakes somebody, what a good month is, and the page to look at.

locals {
  runbook = "https://github.com/promptreel/promptreel/blob/main/docs/runbook.md"
  run     = "resource.type=\"cloud_run_revision\""

  # Each: what is measured, how it is put together, and the threshold above which it wakes somebody.
  alerts = {
    bug = {
      title    = "a bug showed itself"
      severity = "ERROR"
      filter   = "metric.type=\"${local.metric_types.unexpected_errors}\" AND ${local.run}"
      aligner  = "ALIGN_DELTA", reducer = "REDUCE_SUM", period = "300s", above = 0, for = "0s"
    }
    failed-executions = {
      title    = "workflow executions fail"
      severity = "ERROR"
      filter   = "metric.type=\"workflows.googleapis.com/finished_execution_count\" AND resource.type=\"workflows.googleapis.com/Workflow\" AND metric.labels.status=\"FAILED\""
      aligner  = "ALIGN_DELTA", reducer = "REDUCE_SUM", period = "3600s", above = 3, for = "0s"
    }
    failed-jobs = {
      title    = "jobs fail"
      severity = "ERROR"
      filter   = "metric.type=\"${local.metric_types.jobs_failed}\" AND ${local.run}"
      aligner  = "ALIGN_DELTA", reducer = "REDUCE_SUM", period = "3600s", above = 3, for = "0s"
    }
    queue-depth = {
      title    = "clips wait for Veo"
      severity = "WARNING"
      filter   = "metric.type=\"cloudtasks.googleapis.com/queue/depth\" AND resource.type=\"cloud_tasks_queue\""
      aligner  = "ALIGN_MAX", reducer = "REDUCE_SUM", period = "300s", above = 200, for = "1800s"
    }
    sweeper-silent = {
      title    = "sweep_jobs fails"
      severity = "CRITICAL"
      filter   = "metric.type=\"logging.googleapis.com/log_entry_count\" AND resource.type=\"cloud_scheduler_job\" AND metric.labels.severity=\"ERROR\""
      aligner  = "ALIGN_DELTA", reducer = "REDUCE_SUM", period = "900s", above = 1, for = "0s"
    }
  }
}

resource "google_monitoring_notification_channel" "operators" {
  for_each = toset(var.operators)

  display_name = "promptreel's operator ${each.key}"
  type         = "email"
  labels       = { email_address = each.key }
  depends_on   = [google_project_service.this]
}

resource "google_monitoring_alert_policy" "this" {
  for_each = local.alerts

  display_name          = "promptreel: ${each.value.title}"
  combiner              = "OR"
  enabled               = true
  severity              = each.value.severity
  notification_channels = [for channel in google_monitoring_notification_channel.operators : channel.id]

  conditions {
    display_name = each.value.title

    condition_threshold {
      filter          = each.value.filter
      comparison      = "COMPARISON_GT"
      threshold_value = each.value.above
      duration        = each.value.for

      aggregations {
        alignment_period     = each.value.period
        per_series_aligner   = each.value.aligner
        cross_series_reducer = each.value.reducer
      }
    }
  }

  alert_strategy {
    auto_close = "86400s"
  }

  documentation {
    mime_type = "text/markdown"
    content   = "What it means and what to do: ${local.runbook}#${each.key}"
  }
}

resource "google_monitoring_custom_service" "this" {
  service_id   = "promptreel"
  display_name = "promptreel"
  depends_on   = [google_project_service.this]
}

resource "google_monitoring_slo" "jobs" {
  service             = google_monitoring_custom_service.this.service_id
  slo_id              = "jobs-end-with-a-film"
  display_name        = "95 % of the jobs that end in 28 days end with a film"
  goal                = 0.95
  rolling_period_days = 28

  request_based_sli {
    good_total_ratio {
      good_service_filter  = "metric.type=\"${local.metric_types.jobs_complete}\" AND ${local.run}"
      total_service_filter = "metric.type=\"${local.metric_types.jobs_ended}\" AND ${local.run}"
    }
  }
}

resource "google_monitoring_dashboard" "this" {
  dashboard_json = jsonencode({
    displayName = "promptreel"
    mosaicLayout = {
      columns = 48
      tiles = [
        for index, chart in local.charts : {
          xPos   = index % 2 * 24
          yPos   = floor(index / 2) * 16
          width  = 24
          height = 16
          widget = {
            title = chart.title
            xyChart = {
              dataSets = [{
                plotType = "LINE"
                timeSeriesQuery = {
                  timeSeriesFilter = {
                    filter = chart.filter
                    aggregation = {
                      alignmentPeriod    = "60s"
                      perSeriesAligner   = chart.aligner
                      crossSeriesReducer = chart.reducer
                      groupByFields      = chart.by
                    }
                  }
                }
              }]
            }
          }
        }
      ]
    }
  })
  depends_on = [google_project_service.this]
}

locals {
  charts = [
    { title = "Jobs ended, by state", filter = "metric.type=\"${local.metric_types.jobs_ended}\" AND ${local.run}", aligner = "ALIGN_DELTA", reducer = "REDUCE_SUM", by = ["metric.label.state"] },
    { title = "Errors and outcomes by step", filter = "metric.type=\"${local.metric_types.steps}\" AND ${local.run}", aligner = "ALIGN_DELTA", reducer = "REDUCE_SUM", by = ["metric.label.action", "metric.label.outcome"] },
    { title = "Duration of steps, 95th percentile (ms)", filter = "metric.type=\"${local.metric_types.step_duration}\" AND ${local.run}", aligner = "ALIGN_PERCENTILE_95", reducer = "REDUCE_MAX", by = ["metric.label.action"] },
    { title = "Polls", filter = "metric.type=\"${local.metric_types.polls}\" AND ${local.run}", aligner = "ALIGN_DELTA", reducer = "REDUCE_SUM", by = ["metric.label.outcome"] },
    { title = "Clips waiting for Veo", filter = "metric.type=\"cloudtasks.googleapis.com/queue/depth\" AND resource.type=\"cloud_tasks_queue\"", aligner = "ALIGN_MAX", reducer = "REDUCE_SUM", by = ["resource.label.queue_id"] },
    { title = "Veo requests against the quota", filter = "metric.type=\"cloudtasks.googleapis.com/queue/task_attempt_count\" AND resource.type=\"cloud_tasks_queue\"", aligner = "ALIGN_DELTA", reducer = "REDUCE_SUM", by = ["metric.label.response_code"] },
    { title = "Executions that ended", filter = "metric.type=\"workflows.googleapis.com/finished_execution_count\" AND resource.type=\"workflows.googleapis.com/Workflow\"", aligner = "ALIGN_DELTA", reducer = "REDUCE_SUM", by = ["metric.label.status"] },
    { title = "Instances at work", filter = "metric.type=\"run.googleapis.com/container/instance_count\" AND ${local.run}", aligner = "ALIGN_MAX", reducer = "REDUCE_SUM", by = ["resource.label.service_name"] },
  ]
}
