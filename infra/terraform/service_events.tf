# Consumers of facts. Pub/Sub calls them, from inside, with an identity token; nobody else may.
resource "google_cloud_run_v2_service" "events" {
  name                = "events"
  location            = var.region
  description         = "Consumers of facts"
  ingress             = "INGRESS_TRAFFIC_INTERNAL_ONLY"
  deletion_protection = true
  custom_audiences    = [local.push_audience]

  template {
    service_account                  = google_service_account.all["events"].email
    execution_environment            = "EXECUTION_ENVIRONMENT_GEN2"
    timeout                          = "30s"
    max_instance_request_concurrency = var.services.events.concurrency
    session_affinity                 = false

    scaling {
      min_instance_count = var.services.events.min_instances
      max_instance_count = var.services.events.max_instances
    }

    vpc_access {
      egress = "PRIVATE_RANGES_ONLY"
      network_interfaces {
        network    = google_compute_network.main.id
        subnetwork = google_compute_subnetwork.containers.id
      }
    }

    # The gate sets the image of the first container.
    containers {
      name  = "events"
      image = local.images.events

      ports {
        container_port = 8080
      }

      resources {
        limits = {
          cpu    = var.services.events.cpu
          memory = "${var.services.events.memory_mb}Mi"
        }
        cpu_idle          = false # health is refreshed between requests
        startup_cpu_boost = true
      }

      dynamic "env" {
        for_each = merge(local.environment, {
          APP_VERSION        = coalesce(local.versions.events, "unreleased")
          PUSH_AUDIENCE      = local.push_audience
          PUSH_EMAIL         = google_service_account.all["push"].email
          MEMORY_MB          = var.services.events.memory_mb
          CONCURRENCY        = var.services.events.concurrency
          MAX_INSTANCES      = var.services.events.max_instances
          MAX_DB_CONNECTIONS = var.services.events.pool
          DB_BUDGET          = module.budget.services["events"]
          DB_CORES           = var.database.cores
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
      depends_on = ["events"]
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
        secret = google_secret_manager_secret.all["scrape-events"].secret_id
        items {
          path    = "config.yaml"
          version = "latest"
        }
      }
    }
  }

  # These are the gate's (jobs/rollout), and Terraform's next run must not undo a release.
  lifecycle {
    prevent_destroy = true
    ignore_changes = [
      template[0].containers[0].image,
      template[0].revision,
      template[0].labels,
      traffic,
      client,
      client_version,
    ]
  }

  depends_on = [
    google_cloud_run_v2_job.migrate,
    google_secret_manager_secret_version.database_url,
    google_secret_manager_secret_iam_member.database_url,
    google_secret_manager_secret_iam_member.scrape,
    google_secret_manager_secret_version.scrape,
  ]
}

resource "google_cloud_run_v2_service_iam_member" "push_invokes_events" {
  name     = google_cloud_run_v2_service.events.name
  location = var.region
  role     = "roles/run.invoker"
  member   = google_service_account.all["push"].member
}

# The sweep asks it for its health.
resource "google_cloud_run_v2_service_iam_member" "sweep_invokes_events" {
  name     = google_cloud_run_v2_service.events.name
  location = var.region
  role     = "roles/run.invoker"
  member   = google_service_account.all["sweep"].member
}

# The gate's smoke test and canary ask it for its health.
resource "google_cloud_run_v2_service_iam_member" "build_invokes_events" {
  name     = google_cloud_run_v2_service.events.name
  location = var.region
  role     = "roles/run.invoker"
  member   = google_service_account.all["build"].member
}

resource "google_cloud_run_v2_service_iam_member" "build_deploys_events" {
  name     = google_cloud_run_v2_service.events.name
  location = var.region
  role     = "roles/run.developer"
  member   = google_service_account.all["build"].member
}
