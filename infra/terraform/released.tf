# What is in force is decided by the gate, not by Terraform: image and APP_VERSION are read
# from what runs, so that a plan after a release is empty. On the first deploy nothing runs
# yet, and var.images says what to begin with.
#
# A setting that is changed here makes a revision without traffic. The next release makes
# its revision from that template and takes it to the players, through the gate.
locals {
  names = ["realtime", "actions", "events"]
}

data "google_cloud_run_v2_service" "released" {
  for_each = toset(var.images == null ? local.names : [])
  name     = each.key
  location = var.region
}

data "google_cloud_run_v2_job" "released" {
  for_each = toset(var.images == null ? ["migrate", "sweep"] : [])
  name     = each.key
  location = var.region
}

locals {
  images = merge(
    { for name, s in data.google_cloud_run_v2_service.released : name => s.template[0].containers[0].image },
    { for name, j in data.google_cloud_run_v2_job.released : name => j.template[0].template[0].containers[0].image },
    { for name in concat(local.names, ["migrate", "sweep"]) : name => var.images[name] if var.images != null },
    { for name in ["sweep"] : name => var.sweep_image if var.sweep_image != null },
  )
  versions = {
    for name in local.names : name => try(one([
      for e in data.google_cloud_run_v2_service.released[name].template[0].containers[0].env : e.value if e.name == "APP_VERSION"
    ]), null)
  }

  # What every service gets. The platform adds PORT, K_SERVICE and K_REVISION.
  environment = {
    GOOGLE_CLOUD_PROJECT = var.project
    INTERNAL_ADDR        = "127.0.0.1:9090" # the collector beside it scrapes this
    LOG_LEVEL            = "INFO"
  }
}
