# A plan of a whole environment with made-up answers of Google. It needs the provider's
# schema, so it is run where that can be had, once for each environment:
#
#   terraform init -backend=false
#   terraform test -var-file=environments/staging/terraform.tfvars
mock_provider "google" {}

variables {
  images = {
    realtime = "registry.example/realtime@sha256:1111111111111111111111111111111111111111111111111111111111111111"
    actions  = "registry.example/actions@sha256:2222222222222222222222222222222222222222222222222222222222222222"
    events   = "registry.example/events@sha256:3333333333333333333333333333333333333333333333333333333333333333"
    migrate  = "registry.example/migrate@sha256:4444444444444444444444444444444444444444444444444444444444444444"
    sweep    = "registry.example/sweep@sha256:5555555555555555555555555555555555555555555555555555555555555555"
  }
}

run "the_first_deploy_takes_the_images_that_it_is_given" {
  command = plan
  assert {
    condition     = google_cloud_run_v2_service.realtime.template[0].containers[0].image == var.images.realtime
    error_message = "realtime begins with another image"
  }
  assert {
    condition     = google_cloud_run_v2_job.migrate.template[0].template[0].containers[0].image == var.images.migrate
    error_message = "migrate begins with another image"
  }
  assert {
    condition     = length([for e in google_cloud_run_v2_service.actions.template[0].containers[0].env : e if e.name == "APP_VERSION" && e.value == "unreleased"]) == 1
    error_message = "before the first release there is no version"
  }
  assert {
    condition     = google_cloud_run_v2_service.realtime.template[0].timeout == "3600s"
    error_message = "sockets need an hour"
  }
  assert {
    condition     = length(google_cloudbuild_trigger.release) == 0
    error_message = "without a repository there is no trigger"
  }
}

run "later_plans_take_what_runs" {
  command = plan
  variables {
    images = null
  }
  override_data {
    target = data.google_cloud_run_v2_service.released
    values = {
      template = [{ containers = [{ image = "live@sha256:6666666666666666666666666666666666666666666666666666666666666666", env = [{ name = "APP_VERSION", value = "0123abcd" }] }] }]
    }
  }
  override_data {
    target = data.google_cloud_run_v2_job.released
    values = {
      template = [{ template = [{ containers = [{ image = "job@sha256:7777777777777777777777777777777777777777777777777777777777777777" }] }] }]
    }
  }
  assert {
    condition     = startswith(google_cloud_run_v2_service.events.template[0].containers[0].image, "live@sha256:6")
    error_message = "the image goes back to ${google_cloud_run_v2_service.events.template[0].containers[0].image}"
  }
  assert {
    condition     = length([for e in google_cloud_run_v2_service.actions.template[0].containers[0].env : e if e.name == "APP_VERSION" && e.value == "0123abcd"]) == 1
    error_message = "the version goes back"
  }
}

run "another_image_of_the_sweep_is_taken" {
  command = plan
  variables {
    sweep_image = "registry.example/sweep@sha256:8888888888888888888888888888888888888888888888888888888888888888"
  }
  assert {
    condition     = google_cloud_run_v2_job.sweep.template[0].template[0].containers[0].image == var.sweep_image
    error_message = "the sweep keeps its image"
  }
}

run "a_tag_is_refused" {
  command = plan
  variables {
    sweep_image = "registry.example/sweep:latest"
  }
  expect_failures = [var.sweep_image]
}
