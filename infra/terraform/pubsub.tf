# Facts: what happened, said after it was committed. One push subscription for each
# function of events; what cannot be handled ends in facts-dead, where a person looks.
locals {
  push_audience = "vegascore-events"
  consumers     = toset(["leaderboard", "tournaments"])
  pubsub_agent  = "serviceAccount:service-${data.google_project.this.number}@gcp-sa-pubsub.iam.gserviceaccount.com"
}

data "google_project" "this" {
  project_id = var.project
}

resource "google_pubsub_topic" "facts" {
  name                       = "facts"
  message_retention_duration = "604800s" # 7 days: a projection can be made again
}

resource "google_pubsub_topic" "dead" {
  name                       = "facts-dead"
  message_retention_duration = "2678400s" # 31 days
}

resource "google_pubsub_subscription" "consumer" {
  for_each                   = local.consumers
  name                       = "facts-${each.key}"
  topic                      = google_pubsub_topic.facts.id
  ack_deadline_seconds       = 30
  message_retention_duration = "604800s"
  # Effects do not depend on the order, and with ordering one bad message would hold up
  # its whole table.
  enable_message_ordering = false

  expiration_policy {
    ttl = "" # never
  }

  push_config {
    push_endpoint = "${google_cloud_run_v2_service.events.uri}/push/${each.key}"
    attributes    = { x-goog-version = "v1" }
    oidc_token {
      service_account_email = google_service_account.all["push"].email
      audience              = local.push_audience
    }
  }

  retry_policy {
    minimum_backoff = "1s"
    maximum_backoff = "600s"
  }

  dead_letter_policy {
    dead_letter_topic     = google_pubsub_topic.dead.id
    max_delivery_attempts = 20
  }

  depends_on = [google_cloud_run_v2_service_iam_member.push_invokes_events]
}

resource "google_pubsub_subscription" "dead" {
  name                       = "facts-dead"
  topic                      = google_pubsub_topic.dead.id
  message_retention_duration = "2678400s"
  ack_deadline_seconds       = 60
  expiration_policy {
    ttl = ""
  }
}

resource "google_pubsub_topic_iam_member" "publishers" {
  for_each = toset(["actions", "sweep"])
  topic    = google_pubsub_topic.facts.id
  role     = "roles/pubsub.publisher"
  member   = google_service_account.all[each.key].member
}

# Pub/Sub itself moves messages to the dead letter topic, and signs its pushes.
resource "google_pubsub_topic_iam_member" "agent_buries" {
  topic  = google_pubsub_topic.dead.id
  role   = "roles/pubsub.publisher"
  member = local.pubsub_agent
}

resource "google_pubsub_subscription_iam_member" "agent_takes_off" {
  for_each     = local.consumers
  subscription = google_pubsub_subscription.consumer[each.key].id
  role         = "roles/pubsub.subscriber"
  member       = local.pubsub_agent
}

resource "google_service_account_iam_member" "agent_signs" {
  service_account_id = google_service_account.all["push"].name
  role               = "roles/iam.serviceAccountTokenCreator"
  member             = local.pubsub_agent
}
