# Warns when a month's cost reaches the budget. Only a job's own budget stops spending (docs/ledger.md).

resource "google_billing_budget" "this" {
  count = var.billing_account == "" ? 0 : 1

  billing_account = var.billing_account
  display_name    = "${var.project}: docs/runbook.md#budget" # the only text of its mails; 60 characters at most

  budget_filter {
    projects        = ["projects/${data.google_project.this.number}"]
    calendar_period = "MONTH"
  }

  amount {
    # No currency: it is the billing account's, and the API refuses any other (BudgetAmount.currency_code).
    specified_amount {
      units = tostring(coalesce(var.budget, var.budget_usd))
    }
  }

  dynamic "threshold_rules" {
    for_each = { half = [0.5, "CURRENT_SPEND"], most = [0.9, "CURRENT_SPEND"], all = [1, "CURRENT_SPEND"], soon = [1, "FORECASTED_SPEND"] }
    content {
      threshold_percent = threshold_rules.value[0]
      spend_basis       = threshold_rules.value[1]
    }
  }

  all_updates_rule {
    monitoring_notification_channels = slice(local.channels, 0, min(5, length(local.channels))) # the API takes five
  }

  depends_on = [google_project_service.this]
}
