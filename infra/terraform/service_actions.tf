# What players call over HTTP: sign in, bet, look at rounds.
resource "google_cloud_run_v2_service" "actions" {
  name                = "actions"
  location            = var.region
  description         = "HTTP functions of players"
  ingress             = "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER"
  deletion_protection = true
  custom_audiences    = [local.actions_audience]

  template {
    service_account                  = google_service_account.all["actions"].email
    execution_environment            = "EXECUTION_ENVIRONMENT_GEN2"
    timeout                          = "30s"
    max_instance_request_concurrency = var.services.actions.concurrency
    session_affinity                 = false

    scaling {
      min_instance_count = var.services.actions.min_instances
      max_instance_count = var.services.actions.max_instances
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
      name  = "actions"
      image = local.images.actions

      ports {
        container_port = 8080
      }

      resources {
        limits = {
          cpu    = var.services.actions.cpu
          memory = "${var.services.actions.memory_mb}Mi"
        }
        cpu_idle          = false # the outbox is sent after the answer
        startup_cpu_boost = true
      }

      dynamic "env" {
        for_each = merge(local.environment, {
          APP_VERSION        = coalesce(local.versions.actions, "unreleased")
          PUSH_AUDIENCE      = local.actions_audience
          PUSH_EMAIL         = "${google_service_account.all["sweep"].email},${google_service_account.all["realtime"].email}"
          FACTS_TOPIC        = google_pubsub_topic.facts.name
          MEMORY_MB          = var.services.actions.memory_mb
          CONCURRENCY        = var.services.actions.concurrency
          MAX_INSTANCES      = var.services.actions.max_instances
          MAX_DB_CONNECTIONS = var.services.actions.pool
          DB_BUDGET          = module.budget.services["actions"]
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
      env {
        name = "REDIS_URL"
        value_source {
          secret_key_ref {
            secret  = google_secret_manager_secret.all["redis-url"].secret_id
            version = "latest"
          }
        }
      }
      env {
        name = "TOKEN_SIGNING_KEY"
        value_source {
          secret_key_ref {
            secret  = google_secret_manager_secret.all["token-signing-key"].secret_id
            version = "latest"
          }
        }
      }
      env {
        name = "TOKEN_KEYS"
        value_source {
          secret_key_ref {
            secret  = google_secret_manager_secret.all["token-keys"].secret_id
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
      depends_on = ["actions"]
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
        secret = google_secret_manager_secret.all["scrape-actions"].secret_id
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
    google_secret_manager_secret_iam_member.redis_url,
    google_secret_manager_secret_iam_member.token_signing_key,
    google_secret_manager_secret_iam_member.token_keys,
    google_secret_manager_secret_iam_member.scrape,
    google_secret_manager_secret_version.redis_url,
    google_secret_manager_secret_version.scrape,
  ]
}

# The platform lets every caller through, because players prove who they are to the
# service; what reaches it at all is up to its ingress.
resource "google_cloud_run_v2_service_iam_member" "players_invoke_actions" {
  name     = google_cloud_run_v2_service.actions.name
  location = var.region
  role     = "roles/run.invoker"
  member   = "allUsers"
}

resource "google_cloud_run_v2_service_iam_member" "build_deploys_actions" {
  name     = google_cloud_run_v2_service.actions.name
  location = var.region
  role     = "roles/run.developer"
  member   = google_service_account.all["build"].member
}

# What the tokens of our own services are for when they call what is not for players.
locals {
  actions_audience = "https://actions.vegascore.internal"
}
