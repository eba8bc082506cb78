# Every five minutes: the ledger is verified, services are asked, and what no service has
# sent from the outbox is sent.
resource "google_cloud_scheduler_job" "sweep" {
  name             = "sweep"
  region           = var.region
  description      = "Starts a sweep"
  schedule         = "*/5 * * * *"
  time_zone        = "Etc/UTC"
  attempt_deadline = "600s"

  # One that failed is not made up for: the next comes soon.
  retry_config {
    retry_count = 0
  }

  http_target {
    http_method = "POST"
    uri         = "${google_cloud_run_v2_service.sweep.uri}/sweep"
    oidc_token {
      service_account_email = google_service_account.all["scheduler"].email
      audience              = local.sweep_audience
    }
  }

  lifecycle {
    ignore_changes = [paused] # the runbook pauses it during a restore
  }

  depends_on = [google_cloud_run_v2_service_iam_member.scheduler_invokes_sweep]
}
