# The alerts are Prometheus rules in ../alerts, tested there with promtool. Each becomes a
# policy here, with its playbook as the text that whoever is woken reads first.
locals {
  rules = merge([
    for group in yamldecode(file("${path.module}/../alerts/alerts.yaml")).groups : {
      for rule in group.rules : rule.alert => {
        group    = group.name
        interval = try(group.interval, "60s")
        query    = replace(rule.expr, "rollout_restored_total", local.restored)
        duration = try(rule.for, "0s")
        severity = rule.labels.severity
        summary  = rule.annotations.summary
      } if contains([var.environment, "every"], try(rule.labels.environment, "every"))
    }
  ]...)

  # The gate runs in a build, where nothing scrapes: its figure is made of a line of its log.
  restored = "logging_googleapis_com:user_rollout_restored_total"

  # What is asked from outside, through the load balancer.
  uptime = {
    realtime = "/health"
    actions  = "/health/actions"
  }

  charts = {
    "Sockets"                           = "sum(socketio_connections)"
    "Realtime containers"               = "max(socketio_cluster_size)"
    "Health of components"              = "max by (component, status) (health_check_status)"
    "Connections to the database"       = "sum(database_pool_size)"
    "Database, median answer (ms)"      = "max(database_latency_p50)"
    "Redis, median answer (ms)"         = "max(redis_latency_p50)"
    "Oldest event in the outbox (s)"    = "max(outbox_oldest_age_seconds)"
    "Accounts that disagree"            = "max(ledger_imbalance)"
    "Recoveries of sockets (per s)"     = "sum by (result) (rate(socketio_recoveries_total[5m]))"
    "Start of a container (ms)"         = "max(startup_time)"
    "Facts delivered (per s)"           = "sum by (function, outcome) (rate(event_deliveries_total[5m]))"
    "Events from the outbox (per s)"    = "sum by (sink) (rate(outbox_sent_total[5m]))"
    "Releases that were taken back"     = "sum(increase(${local.restored}[1h]))"
    "Redis away (1 = serves its own)"   = "max(socketio_redis_degraded)"
    "Games out of their band (1 = out)" = "max by (game) (game_rtp_out_of_band)"
  }
}

resource "google_monitoring_notification_channel" "mail" {
  for_each     = toset(var.alert_emails)
  display_name = each.key
  type         = "email"
  labels       = { email_address = each.key }
}

resource "google_logging_metric" "rollout_restored" {
  name        = "rollout_restored_total"
  description = "services whose old traffic split a rollout has put back"
  filter      = "resource.type = \"build\" AND (textPayload : \"\\\"traffic restored\\\"\" OR jsonPayload.message = \"traffic restored\")"

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "INT64"
    unit        = "1"
  }
}

resource "google_monitoring_alert_policy" "rule" {
  for_each     = local.rules
  display_name = each.key
  combiner     = "OR"
  severity     = each.value.severity

  conditions {
    display_name = each.value.summary
    condition_prometheus_query_language {
      query               = each.value.query
      duration            = each.value.duration
      evaluation_interval = each.value.interval
      rule_group          = each.value.group
      alert_rule          = each.key
    }
  }

  documentation {
    subject   = "${var.environment}: ${each.value.summary}"
    content   = file("${path.module}/../playbooks/${each.key}.md")
    mime_type = "text/markdown"
  }

  notification_channels = [for c in google_monitoring_notification_channel.mail : c.id]
}

resource "google_monitoring_uptime_check_config" "service" {
  for_each     = local.uptime
  display_name = "${each.key} from outside"
  period       = "60s"
  timeout      = "10s"

  http_check {
    path         = each.value
    port         = 443
    use_ssl      = true
    validate_ssl = true
  }

  monitored_resource {
    type = "uptime_url"
    labels = {
      project_id = var.project
      host       = var.domain
    }
  }
}

resource "google_monitoring_alert_policy" "uptime" {
  for_each     = local.uptime
  display_name = "${each.key} is not reached from outside"
  combiner     = "OR"
  severity     = "CRITICAL"

  conditions {
    display_name = "more than one region of the world gets no healthy answer"
    condition_threshold {
      filter          = "resource.type = \"uptime_url\" AND metric.type = \"monitoring.googleapis.com/uptime_check/check_passed\" AND metric.labels.check_id = \"${google_monitoring_uptime_check_config.service[each.key].uptime_check_id}\""
      comparison      = "COMPARISON_GT"
      threshold_value = 1
      duration        = "120s"
      aggregations {
        alignment_period     = "60s"
        per_series_aligner   = "ALIGN_NEXT_OLDER"
        cross_series_reducer = "REDUCE_COUNT_FALSE"
        group_by_fields      = ["resource.label.host"]
      }
    }
  }

  documentation {
    content   = file("${path.module}/../playbooks/HealthCheckFailing.md")
    mime_type = "text/markdown"
  }

  notification_channels = [for c in google_monitoring_notification_channel.mail : c.id]
}

# Facts that no function could handle, waiting for a person.
resource "google_monitoring_alert_policy" "dead_letters" {
  display_name = "facts in the dead letter topic"
  combiner     = "OR"
  severity     = "WARNING"

  conditions {
    display_name = "messages wait in facts-dead"
    condition_threshold {
      filter          = "resource.type = \"pubsub_subscription\" AND resource.labels.subscription_id = \"${google_pubsub_subscription.dead.name}\" AND metric.type = \"pubsub.googleapis.com/subscription/num_undelivered_messages\""
      comparison      = "COMPARISON_GT"
      threshold_value = 0
      duration        = "300s"
      aggregations {
        alignment_period   = "60s"
        per_series_aligner = "ALIGN_MAX"
      }
    }
  }

  documentation {
    content   = "Facts that a function of events refused 20 times. `gcloud pubsub subscriptions pull ${google_pubsub_subscription.dead.name}` shows them without taking them off; the log of events has the reason. After the cure publish them to `${google_pubsub_topic.facts.name}` again: handling a fact twice has no effect."
    mime_type = "text/markdown"
  }

  notification_channels = [for c in google_monitoring_notification_channel.mail : c.id]
}

resource "google_monitoring_dashboard" "main" {
  dashboard_json = jsonencode({
    displayName = "VegasCore ${var.environment}"
    mosaicLayout = {
      columns = 12
      tiles = [
        for i, title in keys(local.charts) : {
          xPos   = (i % 3) * 4
          yPos   = floor(i / 3) * 4
          width  = 4
          height = 4
          widget = {
            title = title
            xyChart = {
              dataSets = [{
                plotType        = "LINE"
                timeSeriesQuery = { prometheusQuery = local.charts[title] }
              }]
            }
          }
        }
      ]
    }
  })
}
