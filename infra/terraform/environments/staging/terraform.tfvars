# The same code as production, smaller, in a project of its own.
project     = "vegascore-staging"
environment = "staging"
region      = "europe-west1"
domain      = "play.staging.example.com"
origins     = ["https://www.staging.example.com"]

# Connections at the worst moment of a rollout, two revisions at full size:
#   actions 4 x 4 x 2 = 32, events 2 x 3 x 2 = 12, migrate 2, sweep 9, reserve 5: 60
# and 0.8 x 100 = 80 may be promised.
services = {
  realtime = { min_instances = 0, max_instances = 4, concurrency = 1000, cpu = 1, memory_mb = 1024 }
  actions  = { min_instances = 0, max_instances = 4, concurrency = 80, cpu = 1, memory_mb = 512, pool = 4 }
  events   = { min_instances = 0, max_instances = 2, concurrency = 20, cpu = 1, memory_mb = 512, pool = 3 }
}

database = {
  name            = "vegascore-1"
  tier            = "db-perf-optimized-N-2"
  cores           = 2
  disk_gb         = 20
  max_connections = 100
  standby         = false
}

redis = {
  memory_gb = 1
  standby   = false
}

collector_image = "us-docker.pkg.dev/cloud-ops-agents-artifacts/cloud-run-gmp-sidecar/cloud-run-gmp-sidecar@sha256:0000000000000000000000000000000000000000000000000000000000000000"

alert_emails = ["team@example.com"]

release = {
  branch   = "^main$"
  steps    = "50,100"
  soak     = "60s"
  approval = false
}
