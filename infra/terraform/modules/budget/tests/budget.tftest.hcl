variables {
  max_connections = 100
  services = {
    actions = { max_instances = 4, pool = 6 }
    events  = { max_instances = 2, pool = 3 }
  }
  jobs = {
    migrate = { tasks = 1, pool = 2 }
    sweep   = { tasks = 1, pool = 3 }
  }
}

run "both_revisions_jobs_and_reserve_are_counted" {
  command = plan
  assert {
    condition     = output.needed == 4 * 6 * 2 + 2 * 3 * 2 + 2 + 3 + 5
    error_message = "needed is ${output.needed}"
  }
  assert {
    condition     = output.allowed == 80
    error_message = "allowed is ${output.allowed}"
  }
  assert {
    condition     = output.services.actions == 48 && output.services.events == 12
    error_message = "the services' budgets are ${jsonencode(output.services)}"
  }
}

run "the_last_connection_may_be_promised" {
  command = plan
  variables {
    jobs = { sweep = { tasks = 1, pool = 15 } }
  }
  assert {
    condition     = output.needed == output.allowed
    error_message = "needed is ${output.needed} of ${output.allowed}"
  }
}

run "one_more_is_refused" {
  command = plan
  variables {
    jobs = { sweep = { tasks = 1, pool = 16 } }
  }
  expect_failures = [output.needed]
}

run "a_fraction_of_a_connection_is_none" {
  command = plan
  variables {
    max_connections = 99
    jobs            = { sweep = { tasks = 1, pool = 15 } }
  }
  expect_failures = [output.needed]
}

run "one_revision_is_not_the_worst_moment" {
  command = plan
  variables {
    revisions = 1
  }
  expect_failures = [var.revisions]
}

run "more_than_four_fifths_are_refused" {
  command = plan
  variables {
    share = 0.9
  }
  expect_failures = [var.share]
}

run "a_service_without_connections_is_a_mistake" {
  command = plan
  variables {
    services = { actions = { max_instances = 4, pool = 0 } }
  }
  expect_failures = [var.services]
}
