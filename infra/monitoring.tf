# Alerts and service level objectives. Charts are in dashboard.tf.

locals {
  # An alert's mail contains its section of the runbook, so that an operator can act without the checkout.
  runbook = { for name in keys(local.alerts) : name => trimspace(regex("(?s)<a id=\"${name}\"></a>\n## [^\n]*\n(.*?)(?:<a id=|$)", file("${path.module}/../docs/runbook.md"))[0]) }

  run = "resource.type=\"cloud_run_revision\""

  # Sums of measured values and ratios need PromQL, which spells the names of metrics differently.
  prometheus_names = { for name, type in local.metric_types : name => replace(replace(type, "logging.googleapis.com/", "logging_googleapis_com:"), "/", "_") }
  from_run         = "{monitored_resource=\"cloud_run_revision\"}"

  # Each alert has a metric, its aggregation and the threshold above which it fires; or a query that has a result only
  # when the operators must act. Filters name promptreel's workflow, queues and job, because the project may have others.
  # "absent_for" fires when a metric had no values for so long after having had some.
  own_workflow = "resource.type=\"workflows.googleapis.com/Workflow\" AND resource.labels.workflow_id=\"${local.services.workflow.name}\""
  own_queues   = "resource.type=\"cloud_tasks_queue\" AND resource.labels.queue_id=one_of(${join(", ", [for name in sort(keys(local.queues)) : "\"${name}\"" if startswith(name, "clips")])})"
  own_sweeper  = "resource.type=\"cloud_scheduler_job\" AND resource.labels.job_id=\"${google_cloud_scheduler_job.this["sweep_jobs"].name}\""

  alerts = {
    bug = {
      title    = "a bug showed itself"
      severity = "ERROR"
      filter   = "metric.type=\"${local.metric_types.unexpected_errors}\" AND ${local.run}"
      aligner  = "ALIGN_DELTA", reducer = "REDUCE_SUM", period = "300s", above = 0, for = "0s"
    }
    failure-rate = {
      title    = "a quarter of the jobs fail"
      severity = "ERROR"
      query = join(" and ", [
        "sum(increase(${local.prometheus_names.jobs_failed}${local.from_run}[6h])) / sum(increase(${local.prometheus_names.jobs_ended}${local.from_run}[6h])) > 0.25",
        "sum(increase(${local.prometheus_names.jobs_ended}${local.from_run}[6h])) >= 8", # a ratio of few jobs means nothing
      ])
      for = "0s"
    }
    failed-executions = {
      title    = "workflow executions fail"
      severity = "ERROR"
      filter   = "metric.type=\"workflows.googleapis.com/finished_execution_count\" AND ${local.own_workflow} AND metric.labels.status=\"FAILED\""
      aligner  = "ALIGN_DELTA", reducer = "REDUCE_SUM", period = "3600s", above = 3, for = "0s"
    }
    failed-jobs = {
      title    = "jobs fail"
      severity = "ERROR"
      filter   = "metric.type=\"${local.metric_types.jobs_failed}\" AND ${local.run}"
      aligner  = "ALIGN_DELTA", reducer = "REDUCE_SUM", period = "3600s", above = 3, for = "0s"
    }
    model-ends = {
      title    = "films are made by a model that ends soon"
      severity = "WARNING"
      filter   = "metric.type=\"${local.metric_types.models_ending}\" AND ${local.run}"
      aligner  = "ALIGN_DELTA", reducer = "REDUCE_SUM", period = "86400s", above = 0, for = "0s" # a mail a day, not one for each film
    }
    queue-depth = {
      title    = "clips wait for Veo"
      severity = "WARNING"
      filter   = "metric.type=\"cloudtasks.googleapis.com/queue/depth\" AND ${local.own_queues}"
      aligner  = "ALIGN_MAX", reducer = "REDUCE_SUM", period = "300s", above = 200, for = "1800s"
    }
    spend-rate = {
      title    = "a tenth of the month's budget is spent within an hour"
      severity = "WARNING"
      query    = "sum(increase(${local.prometheus_names.spend}_sum${local.from_run}[1h])) / 1e6 > ${var.budget_usd / 10}"
      for      = "0s"
    }
    stuck = {
      title    = "a job is stuck repeatedly"
      severity = "ERROR"
      filter   = "metric.type=\"${local.metric_types.jobs_stuck}\" AND ${local.run}"
      aligner  = "ALIGN_DELTA", reducer = "REDUCE_SUM", period = "3600s", above = 3, for = "0s"
    }
    sweeper-silent = {
      title    = "sweep_jobs fails, or does not run"
      severity = "CRITICAL"
      filter   = "metric.type=\"logging.googleapis.com/log_entry_count\" AND ${local.own_sweeper} AND metric.labels.severity=\"ERROR\""
      aligner  = "ALIGN_DELTA", reducer = "REDUCE_SUM", period = "900s", above = 3, for = "0s" # a failed run and its retry are two lines

      absent     = "metric.type=\"${local.metric_types.steps}\" AND ${local.run} AND metric.labels.action=\"sweep_jobs\""
      absent_for = "1800s"
    }
  }
}

locals {
  channels = [for channel in google_monitoring_notification_channel.operators : channel.id]
}

resource "google_monitoring_notification_channel" "operators" {
  for_each = toset([for one in var.operators : one if !endswith(one, ".gserviceaccount.com")])

  display_name = "promptreel's operator ${each.key}"
  type         = "email"
  labels       = { email_address = trimprefix(each.key, "group:") }
  user_labels  = local.labels
  depends_on   = [google_project_service.this]
}

resource "google_monitoring_alert_policy" "this" {
  for_each = local.alerts

  display_name          = "promptreel: ${each.value.title}"
  user_labels           = local.labels
  combiner              = "OR"
  enabled               = true
  severity              = each.value.severity
  notification_channels = local.channels

  conditions {
    display_name = each.value.title

    dynamic "condition_threshold" {
      for_each = can(each.value.filter) ? [each.value] : []
      content {
        filter          = condition_threshold.value.filter
        comparison      = "COMPARISON_GT"
        threshold_value = condition_threshold.value.above
        duration        = condition_threshold.value.for

        aggregations {
          alignment_period     = condition_threshold.value.period
          per_series_aligner   = condition_threshold.value.aligner
          cross_series_reducer = condition_threshold.value.reducer
        }
      }
    }

    dynamic "condition_prometheus_query_language" {
      for_each = can(each.value.query) ? [each.value] : []
      content {
        query                     = condition_prometheus_query_language.value.query
        duration                  = condition_prometheus_query_language.value.for
        evaluation_interval       = "300s"
        disable_metric_validation = true # a log-based metric does not exist before its first line
      }
    }
  }

  dynamic "conditions" {
    for_each = can(each.value.absent) ? [each.value] : []
    content {
      display_name = "nothing for ${conditions.value.absent_for}"

      condition_absent {
        filter   = conditions.value.absent
        duration = conditions.value.absent_for

        aggregations {
          alignment_period     = "300s"
          per_series_aligner   = "ALIGN_DELTA"
          cross_series_reducer = "REDUCE_SUM"
        }
      }
    }
  }

  alert_strategy {
    auto_close = "86400s"
  }

  documentation {
    mime_type = "text/markdown"
    content   = "${local.runbook[each.key]}\n\n(docs/runbook.md#${each.key})"
  }

  depends_on = [time_sleep.log_metrics]
}

resource "google_monitoring_custom_service" "this" {
  service_id   = "promptreel"
  user_labels  = local.labels
  display_name = "promptreel"
  depends_on   = [google_project_service.this]
}

resource "google_monitoring_slo" "jobs" {
  service             = google_monitoring_custom_service.this.service_id
  slo_id              = "jobs-end-with-a-film"
  display_name        = "95 % of the jobs that end in 28 days end with a film"
  goal                = 0.95
  rolling_period_days = 28
  user_labels         = local.labels

  request_based_sli {
    good_total_ratio {
      good_service_filter  = "metric.type=\"${local.metric_types.jobs_complete}\" AND ${local.run}"
      total_service_filter = "metric.type=\"${local.metric_types.jobs_ended}\" AND ${local.run}"
    }
  }

  depends_on = [time_sleep.log_metrics]
}

resource "google_monitoring_slo" "makespan" {
  service             = google_monitoring_custom_service.this.service_id
  slo_id              = "films-are-soon-there"
  display_name        = "95 % of the films of 28 days took 17 minutes at most"
  goal                = 0.95
  rolling_period_days = 28
  user_labels         = local.labels

  request_based_sli {
    distribution_cut {
      distribution_filter = "metric.type=\"${local.metric_types.makespan}\" AND ${local.run}"
      range {
        max = 1024 # a bound of the metric's buckets, so that nothing is estimated
      }
    }
  }

  depends_on = [time_sleep.log_metrics]
}
