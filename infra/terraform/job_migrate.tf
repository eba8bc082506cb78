# Migrations: the only thing that sees direct-url. Every release runs it once, by the gate;
# the first apply runs it too and waits for its end, so that the services find a schema.
resource "google_cloud_run_v2_job" "migrate" {
  name                = "migrate"
  location            = var.region
  deletion_protection = true
  run_execution_token = "first"

  template {
    task_count  = var.jobs.migrate.tasks
    parallelism = var.jobs.migrate.tasks
    template {
      service_account       = google_service_account.all["migrate"].email
      execution_environment = "EXECUTION_ENVIRONMENT_GEN2"
      timeout               = "3600s"
      max_retries           = 0 # whoever started it decides

      vpc_access {
        egress = "PRIVATE_RANGES_ONLY"
        network_interfaces {
          network    = google_compute_network.main.id
          subnetwork = google_compute_subnetwork.containers.id
        }
      }

      containers {
        name  = "migrate"
        image = local.images.migrate

        env {
          name = "DIRECT_URL"
          value_source {
            secret_key_ref {
              secret  = google_secret_manager_secret.all["direct-url"].secret_id
              version = "latest"
            }
          }
        }

        resources {
          limits = {
            cpu    = "1"
            memory = "512Mi"
          }
        }
      }
    }
  }

  lifecycle {
    prevent_destroy = true
    ignore_changes = [
      template[0].template[0].containers[0].image,
      annotations,
      run_execution_token,
      client,
      client_version,
    ]
  }

  depends_on = [
    google_secret_manager_secret_version.direct_url,
    google_secret_manager_secret_iam_member.direct_url,
  ]
}

resource "google_cloud_run_v2_job_iam_member" "build_runs_migrate" {
  name     = google_cloud_run_v2_job.migrate.name
  location = var.region
  role     = "roles/run.developer"
  member   = google_service_account.all["build"].member
}
