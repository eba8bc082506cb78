# Every five minutes: the ledger is verified, services are asked, and what no service has
# sent from the outbox is sent.
resource "google_cloud_scheduler_job" "sweep" {
  name             = "sweep"
  region           = var.region
  description      = "Starts the job sweep"
  schedule         = "*/5 * * * *"
  time_zone        = "Etc/UTC"
  attempt_deadline = "60s"

  # One that could not be started is not made up for: the next comes soon.
  retry_config {
    retry_count = 0
  }

  http_target {
    http_method = "POST"
    uri         = "https://run.googleapis.com/v2/${google_cloud_run_v2_job.sweep.id}:run"
    headers     = { Content-Type = "application/json" }
    body        = base64encode("{}")
    oauth_token {
      service_account_email = google_service_account.all["scheduler"].email
    }
  }

  lifecycle {
    ignore_changes = [paused] # the runbook pauses it during a restore
  }

  depends_on = [google_cloud_run_v2_job_iam_member.scheduler_runs_sweep]
}
