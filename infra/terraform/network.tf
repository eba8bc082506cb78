resource "google_compute_network" "main" {
  name                    = "vegascore"
  auto_create_subnetworks = false
}

# Containers have an address each (Direct VPC egress), for some minutes after their end as
# well: a /22 has room for both revisions of every service.
resource "google_compute_subnetwork" "containers" {
  name                     = "containers"
  network                  = google_compute_network.main.id
  region                   = var.region
  ip_cidr_range            = "10.20.0.0/22"
  private_ip_google_access = true
}

# Cloud SQL, Memorystore and the build pool live in networks of Google's that are peered
# with ours. No firewall rule lets anything in: what is not named is refused.
resource "google_compute_global_address" "google" {
  name          = "google-services"
  network       = google_compute_network.main.id
  purpose       = "VPC_PEERING"
  address_type  = "INTERNAL"
  address       = "10.30.0.0"
  prefix_length = 16
}

resource "google_service_networking_connection" "google" {
  network                 = google_compute_network.main.id
  service                 = "servicenetworking.googleapis.com"
  reserved_peering_ranges = [google_compute_global_address.google.name]
}

# Calls from inside to a service's own address (the sweep's) stay inside, and so count as
# internal ingress.
resource "google_dns_managed_zone" "run" {
  name        = "run-app"
  dns_name    = "run.app."
  description = "Cloud Run, reached privately"
  visibility  = "private"
  private_visibility_config {
    networks {
      network_url = google_compute_network.main.id
    }
  }
}

resource "google_dns_record_set" "run" {
  managed_zone = google_dns_managed_zone.run.name
  name         = "*.run.app."
  type         = "A"
  ttl          = 300
  rrdatas      = ["199.36.153.8", "199.36.153.9", "199.36.153.10", "199.36.153.11"] # private.googleapis.com
}
