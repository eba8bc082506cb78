# One account for each deployable, one for each caller. None has a key: whoever needs a
# token gets it from the platform. Rights on a single thing are granted beside that thing;
# what is granted on the whole project is here, and a test allows nothing else.
locals {
  accounts = {
    realtime  = "players' sockets"
    actions   = "bets"
    events    = "consumers of facts"
    migrate   = "migrations; the only reader of direct-url"
    sweep     = "verifies the ledger, sends what is left in the outbox"
    build     = "tests, builds and rolls out"
    push      = "Pub/Sub, when it pushes facts to events"
    scheduler = "Cloud Scheduler, when it starts the sweep"
  }
  deployables = toset(["realtime", "actions", "events", "migrate", "sweep"])
  writers     = setunion(local.deployables, ["build"])
}

resource "google_service_account" "all" {
  for_each     = local.accounts
  account_id   = "vegas-${each.key}" # Google wants 6 characters or more
  display_name = each.value
}

resource "google_project_iam_member" "logs" {
  for_each = local.writers
  project  = var.project
  role     = "roles/logging.logWriter"
  member   = google_service_account.all[each.key].member
}

resource "google_project_iam_member" "metrics" {
  for_each = local.writers
  project  = var.project
  role     = "roles/monitoring.metricWriter"
  member   = google_service_account.all[each.key].member
}

resource "google_project_iam_member" "traces" {
  for_each = local.writers
  project  = var.project
  role     = "roles/cloudtrace.agent"
  member   = google_service_account.all[each.key].member
}

# The gate waits for operations of Cloud Run, which belong to the project and not to a
# service: this one permission has no smaller home.
resource "google_project_iam_custom_role" "operations" {
  role_id     = "vegascoreOperations"
  title       = "Wait for operations of Cloud Run"
  permissions = ["run.operations.get"]
}

resource "google_project_iam_member" "operations" {
  project = var.project
  role    = google_project_iam_custom_role.operations.name
  member  = google_service_account.all["build"].member
}

# A new revision runs as the account of its service, and who makes one must be allowed to
# act as it.
resource "google_service_account_iam_member" "build_acts_as" {
  for_each           = toset(["realtime", "actions", "events", "migrate"])
  service_account_id = google_service_account.all[each.key].name
  role               = "roles/iam.serviceAccountUser"
  member             = google_service_account.all["build"].member
}
