output "address" {
  description = "The A record of the domain"
  value       = google_compute_global_address.front.address
}

output "url" {
  description = "Where players connect"
  value       = "https://${var.domain}"
}

output "registry" {
  description = "_REPOSITORY of cloudbuild.yaml"
  value       = "${var.region}-docker.pkg.dev/${var.project}/${google_artifact_registry_repository.vegascore.repository_id}"
}

output "connections" {
  description = "Connections to the database at the worst moment of a rollout, and how many may be promised"
  value = {
    needed  = module.budget.needed
    allowed = module.budget.allowed
  }
}

output "accounts" {
  description = "Who acts as whom"
  value       = { for name, account in google_service_account.all : name => account.email }
}
