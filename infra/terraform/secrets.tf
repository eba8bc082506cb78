# The two keys of player tokens are put in by hand (see ../README.md), the URLs from here.
# The database's passwords are in no state; that of Redis is, because the provider reads it.
locals {
  secrets = toset(["direct-url", "database-url", "redis-url", "token-signing-key", "token-keys", "scrape-realtime", "scrape-actions", "scrape-events", "scrape-sweep"])
}

resource "google_secret_manager_secret" "all" {
  for_each            = local.secrets
  secret_id           = each.key
  deletion_protection = true
  replication {
    user_managed {
      replicas {
        location = var.region
      }
    }
  }
}

resource "google_secret_manager_secret_version" "direct_url" {
  secret                 = google_secret_manager_secret.all["direct-url"].id
  secret_data_wo         = "postgres://${google_sql_user.owner.name}:${ephemeral.random_password.owner.result}@${google_sql_database_instance.main.private_ip_address}:5432/${google_sql_database.vegascore.name}?sslmode=require"
  secret_data_wo_version = var.passwords
}

resource "google_secret_manager_secret_version" "database_url" {
  secret                 = google_secret_manager_secret.all["database-url"].id
  secret_data_wo         = "postgres://${google_sql_user.app.name}:${ephemeral.random_password.app.result}@${google_sql_database_instance.main.private_ip_address}:6432/${google_sql_database.vegascore.name}?sslmode=require&pgbouncer=true"
  secret_data_wo_version = var.passwords
}

resource "google_secret_manager_secret_version" "redis_url" {
  secret                 = google_secret_manager_secret.all["redis-url"].id
  secret_data_wo         = "redis://:${urlencode(google_redis_instance.main.auth_string)}@${google_redis_instance.main.host}:${google_redis_instance.main.port}"
  secret_data_wo_version = 1
}

# What the collector beside each service reads.
resource "google_secret_manager_secret_version" "scrape" {
  for_each = toset(["realtime", "actions", "events", "sweep"])
  secret   = google_secret_manager_secret.all["scrape-${each.key}"].id
  secret_data = yamlencode({
    apiVersion = "monitoring.googleapis.com/v1beta"
    kind       = "RunMonitoring"
    metadata   = { name = each.key }
    spec = {
      endpoints    = [{ port = 9090, path = "/metrics", interval = "30s" }]
      targetLabels = { metadata = ["service", "revision"] }
    }
  })
}

# The direct URL has one reader. A test holds this list to the letter.
resource "google_secret_manager_secret_iam_member" "direct_url" {
  secret_id = google_secret_manager_secret.all["direct-url"].id
  role      = "roles/secretmanager.secretAccessor"
  member    = google_service_account.all["migrate"].member
}

resource "google_secret_manager_secret_iam_member" "database_url" {
  for_each  = toset(["actions", "events", "sweep"])
  secret_id = google_secret_manager_secret.all["database-url"].id
  role      = "roles/secretmanager.secretAccessor"
  member    = google_service_account.all[each.key].member
}

resource "google_secret_manager_secret_iam_member" "redis_url" {
  for_each  = toset(["realtime", "actions", "sweep"])
  secret_id = google_secret_manager_secret.all["redis-url"].id
  role      = "roles/secretmanager.secretAccessor"
  member    = google_service_account.all[each.key].member
}

resource "google_secret_manager_secret_iam_member" "token_signing_key" {
  secret_id = google_secret_manager_secret.all["token-signing-key"].id
  role      = "roles/secretmanager.secretAccessor"
  member    = google_service_account.all["actions"].member
}

resource "google_secret_manager_secret_iam_member" "token_keys" {
  for_each  = toset(["realtime", "actions"])
  secret_id = google_secret_manager_secret.all["token-keys"].id
  role      = "roles/secretmanager.secretAccessor"
  member    = google_service_account.all[each.key].member
}

resource "google_secret_manager_secret_iam_member" "scrape" {
  for_each  = toset(["realtime", "actions", "events", "sweep"])
  secret_id = google_secret_manager_secret.all["scrape-${each.key}"].id
  role      = "roles/secretmanager.secretAccessor"
  member    = google_service_account.all[each.key].member
}
