# The dashboard. A chart has one or more series, each a metric's filter or a PromQL query.

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
              thresholds = [for limit in try([chart.limit], []) : { value = limit }]
              dataSets = [for series in chart.series : {
                plotType       = "LINE"
                legendTemplate = try(series.legend, "")
                timeSeriesQuery = {
                  for kind, query in {
                    prometheusQuery = try(series.query, null)
                    timeSeriesFilter = try({
                      filter = series.filter
                      aggregation = {
                        alignmentPeriod    = try(chart.period, "60s")
                        perSeriesAligner   = series.aligner
                        crossSeriesReducer = series.reducer
                        groupByFields      = series.by
                      }
                    }, null)
                  } : kind => query if query != null
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
  # Filters of the log-based metrics.
  logged = { for name, type in local.metric_types : name => "metric.type=\"${type}\" AND ${local.run}" }

  charts = [
    { title = "Jobs that ended, by state", series = [
      { filter = local.logged.jobs_ended, aligner = "ALIGN_DELTA", reducer = "REDUCE_SUM", by = ["metric.label.state"] },
      { filter = local.logged.jobs_withdrawn, aligner = "ALIGN_DELTA", reducer = "REDUCE_SUM", by = ["metric.label.state"] },
    ] },
    { title = "Jobs that failed, by code", series = [
      { filter = local.logged.jobs_failed, aligner = "ALIGN_DELTA", reducer = "REDUCE_SUM", by = ["metric.label.code"] },
    ] },
    { title = "Makespan of films (s)", period = "3600s", series = [
      { legend = "median", filter = local.logged.makespan, aligner = "ALIGN_DELTA", reducer = "REDUCE_PERCENTILE_50", by = [] },
      { legend = "95th percentile", filter = local.logged.makespan, aligner = "ALIGN_DELTA", reducer = "REDUCE_PERCENTILE_95", by = [] },
    ] },
    { title = "Spend per hour (USD), by model", series = [
      { query = "sum by (model) (increase(${local.prometheus_names.spend}_sum${local.from_run}[1h])) / 1e6" },
    ] },
    { title = "Stuck jobs found by sweeps, by state", series = [
      { filter = local.logged.jobs_stuck, aligner = "ALIGN_DELTA", reducer = "REDUCE_SUM", by = ["metric.label.state"] },
    ] },
    { title = "Refusals, by code", series = [
      { filter = local.logged.refusals, aligner = "ALIGN_DELTA", reducer = "REDUCE_SUM", by = ["metric.label.code"] },
    ] },
    { title = "Requests for models that end soon, by model", period = "3600s", series = [
      { filter = local.logged.models_ending, aligner = "ALIGN_DELTA", reducer = "REDUCE_SUM", by = ["metric.label.model"] },
    ] },
    { title = "Veo requests a minute, against the quota", limit = var.veo_quota_per_minute, series = [
      { filter = "metric.type=\"cloudtasks.googleapis.com/queue/task_attempt_count\" AND resource.type=\"cloud_tasks_queue\"", aligner = "ALIGN_DELTA", reducer = "REDUCE_SUM", by = ["metric.label.response_code"] },
    ] },
    { title = "Clips waiting for Veo", series = [
      { filter = "metric.type=\"cloudtasks.googleapis.com/queue/depth\" AND resource.type=\"cloud_tasks_queue\"", aligner = "ALIGN_MAX", reducer = "REDUCE_SUM", by = ["resource.label.queue_id"] },
    ] },
    { title = "Polls", series = [
      { filter = local.logged.polls, aligner = "ALIGN_DELTA", reducer = "REDUCE_SUM", by = ["metric.label.outcome"] },
    ] },
    { title = "Errors, by step", series = [
      { filter = "${local.logged.steps} AND metric.labels.status!=\"200\"", aligner = "ALIGN_DELTA", reducer = "REDUCE_SUM", by = ["metric.label.action", "metric.label.outcome"] },
    ] },
    { title = "Steps, by outcome", series = [
      { filter = local.logged.steps, aligner = "ALIGN_DELTA", reducer = "REDUCE_SUM", by = ["metric.label.action", "metric.label.outcome"] },
    ] },
    { title = "Duration of steps, 95th percentile (ms)", series = [
      { filter = local.logged.step_duration, aligner = "ALIGN_PERCENTILE_95", reducer = "REDUCE_MAX", by = ["metric.label.action"] },
    ] },
    { title = "Executions that ended", series = [
      { filter = "metric.type=\"workflows.googleapis.com/finished_execution_count\" AND resource.type=\"workflows.googleapis.com/Workflow\"", aligner = "ALIGN_DELTA", reducer = "REDUCE_SUM", by = ["metric.label.status"] },
    ] },
    { title = "Instances at work", series = [
      { filter = "metric.type=\"run.googleapis.com/container/instance_count\" AND ${local.run}", aligner = "ALIGN_MAX", reducer = "REDUCE_SUM", by = ["resource.label.service_name"] },
    ] },
  ]
}
