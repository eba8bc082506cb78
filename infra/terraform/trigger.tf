# Builds run in a private pool, in a network of Google's that is peered with ours.
resource "google_cloudbuild_worker_pool" "build" {
  name     = "build"
  location = var.region

  worker_config {
    machine_type   = "e2-standard-8"
    disk_size_gb   = 100
    no_external_ip = false # modules and base images come from the internet
  }

  network_config {
    peered_network          = google_compute_network.main.id
    peered_network_ip_range = "/24"
  }

  depends_on = [google_service_networking_connection.google]
}

# The pool's network asks ours for the addresses of Cloud Run.
resource "google_service_networking_peered_dns_domain" "run" {
  name       = "run-app"
  network    = google_compute_network.main.name
  service    = "servicenetworking.googleapis.com"
  dns_suffix = "run.app."
  depends_on = [google_service_networking_connection.google]
}

# A person connects the repository (Cloud Build > Repositories); until then there is no
# trigger.
resource "google_cloudbuild_trigger" "release" {
  count           = var.release.repository == null ? 0 : 1
  name            = "release"
  location        = var.region
  description     = "Test, images, gate: cloudbuild.yaml"
  filename        = "cloudbuild.yaml"
  service_account = google_service_account.all["build"].id

  repository_event_config {
    repository = var.release.repository
    push {
      branch = var.release.branch
    }
  }

  substitutions = {
    _REGION     = var.region
    _REPOSITORY = "${var.region}-docker.pkg.dev/${var.project}/${google_artifact_registry_repository.vegascore.repository_id}"
    _BASE_IMAGE = var.release.base_image
    _POOL       = google_cloudbuild_worker_pool.build.id
    _STEPS      = var.release.steps
    _SOAK       = var.release.soak
  }

  approval_config {
    approval_required = var.release.approval
  }
}
