resource "google_artifact_registry_repository" "vegascore" {
  repository_id          = "vegascore"
  location               = var.region
  format                 = "DOCKER"
  description            = "Images of every deployable, by digest"
  cleanup_policy_dry_run = false

  docker_config {
    immutable_tags = false # a second build of a commit pushes the same digest under the same tag
  }

  # A rollback by hand wants the images of some releases before.
  cleanup_policies {
    id     = "keep-recent"
    action = "KEEP"
    most_recent_versions {
      keep_count = 30
    }
  }
  cleanup_policies {
    id     = "delete-old"
    action = "DELETE"
    condition {
      older_than = "7776000s" # 90 days
    }
  }
}

resource "google_artifact_registry_repository_iam_member" "build_writes" {
  repository = google_artifact_registry_repository.vegascore.name
  location   = var.region
  role       = "roles/artifactregistry.writer"
  member     = google_service_account.all["build"].member
}
