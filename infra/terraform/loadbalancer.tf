# The only way in from outside: one address, TLS, a policy at the edge, and a path for each
# public service. Sockets need nothing of it, no affinity either.
locals {
  public = toset(["realtime", "actions"])
}

resource "google_compute_global_address" "front" {
  name = "vegascore-front"
}

resource "google_compute_region_network_endpoint_group" "service" {
  for_each              = local.public
  name                  = each.key
  region                = var.region
  network_endpoint_type = "SERVERLESS"
  cloud_run {
    service = each.key == "realtime" ? google_cloud_run_v2_service.realtime.name : google_cloud_run_v2_service.actions.name
  }
  lifecycle {
    create_before_destroy = true
  }
}

# No timeout: for Cloud Run the service's own is in force, for sockets an hour.
resource "google_compute_backend_service" "service" {
  for_each              = local.public
  name                  = each.key
  protocol              = "HTTPS"
  load_balancing_scheme = "EXTERNAL_MANAGED"
  security_policy       = google_compute_security_policy.edge.id
  backend {
    group = google_compute_region_network_endpoint_group.service[each.key].id
  }
  log_config {
    enable      = true
    sample_rate = 0.1
  }
}

resource "google_compute_security_policy" "edge" {
  name        = "edge"
  description = "What is refused before it costs a container"
  type        = "CLOUD_ARMOR"

  rule {
    action      = "deny(403)"
    priority    = 100
    description = "requests that are no proper HTTP"
    match {
      expr {
        expression = "evaluatePreconfiguredWaf('protocolattack-v33-stable', {'sensitivity': 1})"
      }
    }
  }

  # A floor only: the services have limits of their own, by player and by address.
  rule {
    action      = "throttle"
    priority    = 1000
    description = "too many requests of one address"
    match {
      versioned_expr = "SRC_IPS_V1"
      config {
        src_ip_ranges = ["*"]
      }
    }
    rate_limit_options {
      conform_action = "allow"
      exceed_action  = "deny(429)"
      enforce_on_key = "IP"
      rate_limit_threshold {
        count        = var.requests_per_minute
        interval_sec = 60
      }
    }
  }

  rule {
    action      = "allow"
    priority    = 2147483647
    description = "default"
    match {
      versioned_expr = "SRC_IPS_V1"
      config {
        src_ip_ranges = ["*"]
      }
    }
  }
}

resource "google_compute_url_map" "front" {
  name            = "vegascore-front"
  default_service = google_compute_backend_service.service["actions"].id # answers 404 in the API's form

  host_rule {
    hosts        = [var.domain]
    path_matcher = "paths"
  }

  path_matcher {
    name            = "paths"
    default_service = google_compute_backend_service.service["actions"].id

    path_rule {
      paths   = ["/socket.io", "/socket.io/*", "/live", "/ready", "/health"]
      service = google_compute_backend_service.service["realtime"].id
    }
    path_rule {
      paths   = ["/v1", "/v1/*"]
      service = google_compute_backend_service.service["actions"].id
    }
    # For the uptime check: the health of actions has no path under /v1.
    path_rule {
      paths   = ["/health/actions"]
      service = google_compute_backend_service.service["actions"].id
      route_action {
        url_rewrite {
          path_prefix_rewrite = "/health"
        }
      }
    }
  }
}

resource "google_compute_managed_ssl_certificate" "front" {
  name = "vegascore-front"
  managed {
    domains = [var.domain]
  }
}

resource "google_compute_ssl_policy" "front" {
  name            = "vegascore-front"
  profile         = "MODERN"
  min_tls_version = "TLS_1_2"
}

resource "google_compute_target_https_proxy" "front" {
  name             = "vegascore-front"
  url_map          = google_compute_url_map.front.id
  ssl_certificates = [google_compute_managed_ssl_certificate.front.id]
  ssl_policy       = google_compute_ssl_policy.front.id
}

resource "google_compute_global_forwarding_rule" "https" {
  name                  = "vegascore-https"
  load_balancing_scheme = "EXTERNAL_MANAGED"
  ip_address            = google_compute_global_address.front.id
  port_range            = "443"
  target                = google_compute_target_https_proxy.front.id
}

resource "google_compute_url_map" "redirect" {
  name = "vegascore-redirect"
  default_url_redirect {
    https_redirect         = true
    redirect_response_code = "MOVED_PERMANENTLY_DEFAULT"
    strip_query            = false
  }
}

resource "google_compute_target_http_proxy" "redirect" {
  name    = "vegascore-redirect"
  url_map = google_compute_url_map.redirect.id
}

resource "google_compute_global_forwarding_rule" "http" {
  name                  = "vegascore-http"
  load_balancing_scheme = "EXTERNAL_MANAGED"
  ip_address            = google_compute_global_address.front.id
  port_range            = "80"
  target                = google_compute_target_http_proxy.redirect.id
}
