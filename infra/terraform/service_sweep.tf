# Sweeps when Cloud Scheduler calls it (scheduler.tf), and keeps the figures of the last sweep
# for the collector. The job beside it (job_sweep.tf) is for sweeps by hand.
resource "google_cloud_run_v2_service" "sweep" {
  name                = "sweep"
  location            = var.region
  description         = "Verifies the ledger, asks services, sends and prunes what is left"
  ingress             = "INGRESS_TRAFFIC_INTERNAL_ONLY"
  deletion_protection = true
  custom_audiences    = [local.sweep_audience]

  template {
    service_account                  = google_service_account.all["sweep"].email
    execution_environment            = "EXECUTION_ENVIRONMENT_GEN2"
    timeout                          = "600s"
    max_instance_request_concurrency = 10
    session_affinity                 = false

    scaling {
      min_instance_count = 1 # its figures go with it
      max_instance_count = 1 # one sweep at a time
    }

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
      args  = ["serve"]

      ports {
        container_port = 8080
      }

      resources {
        limits = {
          cpu    = "1"
          memory = "512Mi"
        }
        cpu_idle          = false # figures are read between requests
        startup_cpu_boost = true
      }

      dynamic "env" {
        for_each = merge(local.environment, {
          PUSH_AUDIENCE      = local.sweep_audience
          PUSH_EMAIL         = google_service_account.all["scheduler"].email
          FACTS_TOPIC        = google_pubsub_topic.facts.name
          MAX_DB_CONNECTIONS = var.jobs.sweep.pool
          SERVICES           = "${google_cloud_run_v2_service.realtime.uri},${google_cloud_run_v2_service.actions.uri},${google_cloud_run_v2_service.events.uri}"
          SERVICES_IDENTITY  = "token"
          ACTIONS_URL        = google_cloud_run_v2_service.actions.uri
          ACTIONS_AUDIENCE   = local.actions_audience
        })
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

      startup_probe {
        period_seconds    = 1
        timeout_seconds   = 1
        failure_threshold = 60
        http_get {
          path = "/ready"
        }
      }

      # The process alone: a dependency here would turn its outage into a restart storm.
      liveness_probe {
        period_seconds    = 10
        timeout_seconds   = 2
        failure_threshold = 6
        http_get {
          path = "/live"
        }
      }
    }

    containers {
      name       = "collector"
      image      = var.collector_image
      depends_on = ["sweep"]
      resources {
        limits = {
          cpu    = "1"
          memory = "512Mi"
        }
        cpu_idle = false
      }
      volume_mounts {
        name       = "scrape"
        mount_path = "/etc/rungmp"
      }
    }

    volumes {
      name = "scrape"
      secret {
        secret = google_secret_manager_secret.all["scrape-sweep"].secret_id
        items {
          path    = "config.yaml"
          version = "latest"
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
    google_cloud_run_v2_job.migrate,
    google_secret_manager_secret_version.database_url,
    google_secret_manager_secret_version.redis_url,
    google_secret_manager_secret_iam_member.database_url,
    google_secret_manager_secret_iam_member.redis_url,
    google_secret_manager_secret_iam_member.scrape,
    google_secret_manager_secret_version.scrape,
  ]
}

# What the scheduler's token says that it is for.
locals {
  sweep_audience = "https://sweep.vegascore.internal"
}

resource "google_cloud_run_v2_service_iam_member" "scheduler_invokes_sweep" {
  name     = google_cloud_run_v2_service.sweep.name
  location = var.region
  role     = "roles/run.invoker"
  member   = google_service_account.all["scheduler"].member
}
