# Players' websockets. A socket is one request for as long as it lives, up to the hour that
# Cloud Run gives a request; the service itself ends sockets before that (SOCKET_MAX_AGE).
resource "google_cloud_run_v2_service" "realtime" {
  name                = "realtime"
  location            = var.region
  description         = "Players' websockets"
  ingress             = "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER"
  deletion_protection = true

  template {
    service_account                  = google_service_account.all["realtime"].email
    execution_environment            = "EXECUTION_ENVIRONMENT_GEN2"
    timeout                          = "3600s"
    max_instance_request_concurrency = var.services.realtime.concurrency
    session_affinity                 = true

    scaling {
      min_instance_count = var.services.realtime.min_instances
      max_instance_count = var.services.realtime.max_instances
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
      name  = "realtime"
      image = local.images.realtime

      ports {
        container_port = 8080
      }

      resources {
        limits = {
          cpu    = var.services.realtime.cpu
          memory = "${var.services.realtime.memory_mb}Mi"
        }
        cpu_idle          = false # sockets live between requests
        startup_cpu_boost = true
      }

      dynamic "env" {
        for_each = merge(local.environment, {
          APP_VERSION      = coalesce(local.versions.realtime, "unreleased")
          MEMORY_MB        = var.services.realtime.memory_mb
          ORIGINS          = join(",", var.origins)
          TRUSTED_HOPS     = 2 # the load balancer, and Cloud Run's own
          ACTIONS_URL      = google_cloud_run_v2_service.actions.uri
          ACTIONS_AUDIENCE = local.actions_audience
        })
        content {
          name  = env.key
          value = env.value
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
      depends_on = ["realtime"]
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
        secret = google_secret_manager_secret.all["scrape-realtime"].secret_id
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
    google_secret_manager_secret_iam_member.redis_url,
    google_secret_manager_secret_iam_member.token_keys,
    google_secret_manager_secret_iam_member.scrape,
    google_secret_manager_secret_version.redis_url,
    google_secret_manager_secret_version.scrape,
  ]
}

# The platform lets every caller through, because players prove who they are to the
# service; what reaches it at all is up to its ingress.
resource "google_cloud_run_v2_service_iam_member" "players_invoke_realtime" {
  name     = google_cloud_run_v2_service.realtime.name
  location = var.region
  role     = "roles/run.invoker"
  member   = "allUsers"
}

resource "google_cloud_run_v2_service_iam_member" "build_deploys_realtime" {
  name     = google_cloud_run_v2_service.realtime.name
  location = var.region
  role     = "roles/run.developer"
  member   = google_service_account.all["build"].member
}
