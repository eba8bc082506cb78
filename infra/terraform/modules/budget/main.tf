# The connections that the fleet may open at the worst moment of a rollout, against what
# the database has:
#
#   sum of max_instances x pool x revisions + sum of the jobs + reserve <= share x max_connections
#
# No provider is needed here, so that `terraform test` runs offline. infra/dev/terraform
# has the same sum in Go and holds every environment to it.
terraform {
  required_version = ">= 1.11"
}

locals {
  services = { for name, s in var.services : name => s.max_instances * s.pool * var.revisions }
  jobs     = { for name, j in var.jobs : name => j.tasks * j.pool }
  needed   = sum(concat([var.reserve], values(local.services), values(local.jobs)))
  allowed  = floor(var.share * var.max_connections)
}
