# Rooms, presence and the log from which clients recover. Nothing in it is the only copy
# of anything: a restart costs recoveries, not money.
resource "google_redis_instance" "main" {
  name                    = "vegascore"
  region                  = var.region
  tier                    = var.redis.standby ? "STANDARD_HA" : "BASIC"
  memory_size_gb          = var.redis.memory_gb
  redis_version           = "REDIS_7_2"
  authorized_network      = google_compute_network.main.id
  connect_mode            = "PRIVATE_SERVICE_ACCESS"
  auth_enabled            = true
  transit_encryption_mode = "DISABLED" # inside the network, behind its password
  deletion_protection     = true

  redis_configs = {
    maxmemory-policy = "volatile-ttl" # leases and logs have an end; what has none is never evicted
  }

  maintenance_policy {
    weekly_maintenance_window {
      day = "TUESDAY"
      start_time {
        hours   = 4
        minutes = 0
      }
    }
  }

  depends_on = [google_service_networking_connection.google]
}
