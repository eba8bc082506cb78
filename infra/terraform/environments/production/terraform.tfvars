# An example that is complete: put your own project, domain, addresses and digests in.
project     = "vegascore-production"
environment = "production"
region      = "europe-west1"
domain      = "play.example.com"
origins     = ["https://www.example.com"]

# Connections at the worst moment of a rollout, two revisions at full size:
#   actions 20 x 6 x 2 = 240, events 10 x 2 x 2 = 40, migrate 2, sweep 9, reserve 5: 296
# and 0.8 x 400 = 320 may be promised.
services = {
  realtime = { min_instances = 2, max_instances = 40, concurrency = 1000, cpu = 2, memory_mb = 2048 }
  actions  = { min_instances = 2, max_instances = 20, concurrency = 80, cpu = 2, memory_mb = 1024, pool = 6 }
  events   = { min_instances = 1, max_instances = 10, concurrency = 20, cpu = 1, memory_mb = 512, pool = 2 }
}

database = {
  name            = "vegascore-1" # a restored copy has another name
  tier            = "db-perf-optimized-N-8"
  cores           = 8
  disk_gb         = 100
  max_connections = 400
  standby         = true
}

redis = {
  memory_gb = 5
  standby   = true
}

collector_image = "us-docker.pkg.dev/cloud-ops-agents-artifacts/cloud-run-gmp-sidecar/cloud-run-gmp-sidecar@sha256:0000000000000000000000000000000000000000000000000000000000000000"

alert_emails = ["oncall@example.com"]

release = {
  # repository = "projects/vegascore-production/locations/europe-west1/connections/github/repositories/vegascore"
  # base_image = "gcr.io/distroless/static-debian12@sha256:..."
  branch   = "^main$"
  steps    = "10,50,100"
  soak     = "300s"
  approval = true
}
