resource "google_sql_database_instance" "main" {
  name                = var.database.name
  region              = var.region
  database_version    = "POSTGRES_16"
  deletion_protection = true

  settings {
    edition                     = "ENTERPRISE_PLUS" # has the managed pooler
    tier                        = var.database.tier
    availability_type           = var.database.standby ? "REGIONAL" : "ZONAL"
    disk_type                   = "PD_SSD"
    disk_size                   = var.database.disk_gb
    disk_autoresize             = true
    deletion_protection_enabled = true # also against the console

    ip_configuration {
      ipv4_enabled    = false
      private_network = google_compute_network.main.id
      ssl_mode        = "ENCRYPTED_ONLY"
    }

    # The pooler answers on port 6432, the server itself on 5432: database-url and
    # direct-url. In transaction mode nothing of a session outlives a transaction.
    connection_pool_config {
      connection_pooling_enabled = true
      flags {
        name  = "pool_mode"
        value = "transaction"
      }
    }

    backup_configuration {
      enabled                        = true
      start_time                     = "03:00"
      point_in_time_recovery_enabled = true
      transaction_log_retention_days = 7
      backup_retention_settings {
        retained_backups = 30
      }
    }

    database_flags {
      name  = "max_connections"
      value = var.database.max_connections
    }
    database_flags {
      name  = "log_lock_waits"
      value = "on"
    }
    database_flags {
      name  = "log_min_duration_statement"
      value = "500" # ms
    }

    insights_config {
      query_insights_enabled  = true
      record_application_tags = true
    }

    maintenance_window {
      day          = 2
      hour         = 4
      update_track = "stable"
    }
  }

  lifecycle {
    prevent_destroy = true
    ignore_changes  = [settings[0].disk_size] # it grows by itself
  }

  depends_on = [google_service_networking_connection.google]
}

resource "google_sql_database" "vegascore" {
  name            = "vegascore"
  instance        = google_sql_database_instance.main.name
  deletion_policy = "ABANDON"
}

# Passwords are written to the database and to a secret in the same run, and are in no
# state. The secret is written after the user: a run that ends between the two leaves no
# secret, and raising var.passwords mends it.
ephemeral "random_password" "owner" {
  length  = 40
  special = false
}

ephemeral "random_password" "app" {
  length  = 40
  special = false
}

# The owner of the schema, for migrations alone.
resource "google_sql_user" "owner" {
  name                = "owner"
  instance            = google_sql_database_instance.main.name
  password_wo         = ephemeral.random_password.owner.result
  password_wo_version = var.passwords
  deletion_policy     = "ABANDON"
}

# The services' login has the rights that the migrations grant to vegas_app, and no
# others. The first migration makes that role, so the login comes after it.
resource "google_sql_user" "app" {
  name                = "app"
  instance            = google_sql_database_instance.main.name
  password_wo         = ephemeral.random_password.app.result
  password_wo_version = var.passwords
  database_roles      = ["vegas_app"]
  deletion_policy     = "ABANDON"
  depends_on          = [google_cloud_run_v2_job.migrate]
}

module "budget" {
  source          = "./modules/budget"
  max_connections = var.database.max_connections
  services = {
    actions = { max_instances = var.services.actions.max_instances, pool = var.services.actions.pool }
    events  = { max_instances = var.services.events.max_instances, pool = var.services.events.pool }
  }
  jobs = var.jobs
}
