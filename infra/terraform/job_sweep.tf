# A sweep by hand: `gcloud run jobs execute sweep`. Cloud Scheduler starts those of the service
# (service_sweep.tf).
resource "google_cloud_run_v2_job" "sweep" {
  name                = "sweep"
  location            = var.region
  deletion_protection = true

  template {
    task_count  = 1
    parallelism = 1
    template {
      service_account       = google_service_account.all["sweep"].email
      execution_environment = "EXECUTION_ENVIRONMENT_GEN2"
      timeout               = "600s"
      max_retries           = 0 # the next one comes in minutes

      vpc_access {
        egress = "PRIVATE_RANGES_ONLY"
        network_interfaces {
          network    = google_compute_network.main.id
          subnetwork = google_compute_subnetwork.containers.id
        }
      }

      containers {
        name  = "sweep"
        image = local.images.sweep

        dynamic "env" {
          for_each = {
            GOOGLE_CLOUD_PROJECT = var.project
            FACTS_TOPIC          = google_pubsub_topic.facts.name
            MAX_DB_CONNECTIONS   = var.jobs.sweep.pool
            SERVICES             = "${google_cloud_run_v2_service.realtime.uri},${google_cloud_run_v2_service.actions.uri},${google_cloud_run_v2_service.events.uri}"
            SERVICES_IDENTITY    = "token"
            ACTIONS_URL          = google_cloud_run_v2_service.actions.uri
            ACTIONS_AUDIENCE     = local.actions_audience
          }
          content {
            name  = env.key
            value = env.value
          }
        }

        env {
          name = "DATABASE_URL"
          value_source {
            secret_key_ref {
              secret  = google_secret_manager_secret.all["database-url"].secret_id
              version = "latest"
            }
          }
        }
        env {
          name = "REDIS_URL"
          value_source {
            secret_key_ref {
              secret  = google_secret_manager_secret.all["redis-url"].secret_id
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
      client,
      client_version,
    ]
  }

  depends_on = [
    google_secret_manager_secret_version.database_url,
    google_secret_manager_secret_version.redis_url,
    google_secret_manager_secret_iam_member.database_url,
    google_secret_manager_secret_iam_member.redis_url,
  ]
}
