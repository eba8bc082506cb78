output "services" {
  description = "Connections that each service may hold over all its containers (its DB_BUDGET)"
  value       = local.services
}

output "needed" {
  description = "Connections at the worst moment"
  value       = local.needed
  precondition {
    condition     = local.needed <= local.allowed
    error_message = "The fleet may open ${local.needed} connections and the database has ${local.allowed} for it (${var.share} of ${var.max_connections}). Lower max_instances or pool, or raise max_connections."
  }
}

output "allowed" {
  description = "Connections that may be promised"
  value       = local.allowed
}
