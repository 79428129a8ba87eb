# The effects of variables, and the refusal of wrong values. The rules about a plan are in tests/infra.

variables {
  project        = "promptreel-test"
  operators      = ["ops@example.com"]
  stitcher_image = "us-docker.pkg.dev/p/r/stitcher@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
  studio_image   = "us-docker.pkg.dev/p/r/studio@sha256:fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210"
}

run "only_project_operators_and_images_are_required" {
  command = plan

  assert {
    condition     = output.api_url == "https://api-123456789012.us-central1.run.app"
    error_message = "the API's address is ${output.api_url}"
  }

  assert {
    condition     = length(google_billing_budget.this) == 0 && length(google_storage_bucket_iam_member.writes_clips) == 0
    error_message = "budget and the clip writers' grants are only created on demand"
  }
}

run "every_variable_has_its_effect" {
  command = plan

  variables {
    billing_account      = "0A1B2C-3D4E5F-6A7B8C"
    budget               = 30
    budget_usd           = 1
    cpu_quota            = 200
    environment          = "dev"
    max_active_jobs      = 7
    memory_quota_gib     = 400
    requests_per_minute  = 90
    picture_buckets      = ["brand-pictures", "product.pictures"]
    protected            = false
    region               = "europe-west4"
    veo_location         = "europe-west4"
    veo_quota_per_minute = 10
    clip_writers         = ["user:cloud-lvm-video-server@prod.google.com"]
  }

  expect_failures = [check.cloud_build_takes_new_projects, check.veo_is_documented_in_its_location]

  assert {
    condition     = google_cloudfunctions2_function.this["submit_clip"].service_config[0].environment_variables.PROMPTREEL_VEO_LOCATION == "europe-west4"
    error_message = "Veo is called in another location"
  }

  assert {
    condition     = alltrue([for name in ["api", "open_job"] : google_cloudfunctions2_function.this[name].service_config[0].environment_variables.PROMPTREEL_MAX_ACTIVE_JOBS == "7" && google_cloudfunctions2_function.this[name].service_config[0].environment_variables.PROMPTREEL_REQUESTS_PER_MINUTE == "90"])
    error_message = "the limits of an owner are others"
  }

  assert {
    condition     = google_firestore_database.this.location_id == "europe-west4" && google_storage_bucket.this["artifacts"].location == "europe-west4" && google_workflows_workflow.film.region == "europe-west4"
    error_message = "a resource is in another region"
  }

  assert {
    condition     = abs(sum([for name, queue in google_cloud_tasks_queue.this : queue.rate_limits[0].max_dispatches_per_second if startswith(name, "clips")]) * 60 - 10) < 0.003
    error_message = "the clip queues together do not share a small quota"
  }

  assert {
    condition     = google_cloud_run_v2_service.stitcher.scaling[0].max_instance_count == 10
    error_message = "a larger quota allows more stitchers, up to ten"
  }

  assert {
    condition = (
      google_firestore_database.this.deletion_policy == "DELETE" &&
      google_firestore_database.this.delete_protection_state == "DELETE_PROTECTION_DISABLED" &&
      google_storage_bucket.this["artifacts"].deletion_policy == "DELETE" &&
      google_cloud_tasks_queue.this["clips"].deletion_policy == "DELETE" &&
      !google_cloud_run_v2_service.stitcher.deletion_protection &&
      !google_cloud_run_v2_service.studio.deletion_protection &&
      !google_workflows_workflow.film.deletion_protection
    )
    error_message = "`make destroy` would fail half-way"
  }

  assert {
    condition = (
      join(",", keys(google_storage_bucket_iam_member.reads_pictures)) == "api brand-pictures,api product.pictures,open_job brand-pictures,open_job product.pictures,studio brand-pictures,studio product.pictures" &&
      alltrue([for grant in google_storage_bucket_iam_member.reads_pictures : grant.role == "roles/storage.objectViewer"]) &&
      google_cloudfunctions2_function.this["open_job"].service_config[0].environment_variables.PROMPTREEL_PICTURE_BUCKETS == "brand-pictures,product.pictures"
    )
    error_message = "whoever accepts requests reads the buckets of pictures, and nothing more"
  }

  assert {
    condition     = google_billing_budget.this[0].amount[0].specified_amount[0].units == "30" && google_workflows_workflow.film.effective_labels.env == "dev"
    error_message = "budget or label is not that of the variables"
  }
}

run "veo_is_called_in_its_own_location_when_the_region_differs" {
  command = plan

  variables {
    region = "europe-west1"
  }

  assert {
    condition     = google_cloudfunctions2_function.this["submit_clip"].service_config[0].environment_variables.PROMPTREEL_VEO_LOCATION == "us-central1"
    error_message = "Veo is called in the wrong location"
  }
}

run "budget_in_any_currency_sends_mail_to_at_most_five_operators" {
  command = plan

  variables {
    billing_account = "0A1B2C-3D4E5F-6A7B8C"
    operators       = ["a@example.com", "b@example.com", "c@example.com", "d@example.com", "e@example.com", "f@example.com"]
  }

  assert {
    condition     = length(google_billing_budget.this[0].all_updates_rule[0].monitoring_notification_channels) == 5 && length(google_monitoring_alert_policy.this["bug"].notification_channels) == 6
    error_message = "a budget takes five channels, an alert all"
  }
}

run "service_accounts_are_operators_without_mail" {
  command = plan

  variables {
    operators = ["ops@example.com", "ci@promptreel-test.iam.gserviceaccount.com"]
  }

  assert {
    condition     = keys(google_cloud_run_v2_service_iam_member.people) == ["serviceAccount:ci@promptreel-test.iam.gserviceaccount.com", "user:ops@example.com"] && keys(google_monitoring_notification_channel.operators) == ["ops@example.com"]
    error_message = "a service account must not get mail"
  }
}

run "groups_are_operators_with_mail" {
  command = plan

  variables {
    operators = ["group:ops@example.com"]
  }

  assert {
    condition     = keys(google_cloud_run_v2_service_iam_member.people) == ["group:ops@example.com"] && google_monitoring_notification_channel.operators["group:ops@example.com"].labels.email_address == "ops@example.com" && contains(keys(google_project_service.this), "cloudidentity.googleapis.com")
    error_message = "A group needs a grant, mail at its address, and the API that reads its members."
  }
}

run "operators_without_a_person_are_refused" {
  command = plan

  variables {
    operators = ["ci@promptreel-test.iam.gserviceaccount.com"]
  }

  expect_failures = [var.operators]
}

run "taken_names_can_be_avoided" {
  command = plan

  variables {
    bucket_suffix = "-x7k2"
    database      = "promptreel"
  }

  assert {
    condition     = output.buckets.artifacts == "gs://promptreel-test-artifacts-x7k2" && output.source_bucket == "gs://promptreel-test-source-x7k2" && google_cloudfunctions2_function.this["api"].service_config[0].environment_variables.PROMPTREEL_ARTIFACTS_BUCKET == "promptreel-test-artifacts-x7k2"
    error_message = "a bucket keeps its taken name"
  }

  assert {
    condition     = google_firestore_database.this.name == "promptreel" && google_firestore_field.forget.database == "promptreel" && google_cloudfunctions2_function.this["api"].service_config[0].environment_variables.PROMPTREEL_DATABASE == "promptreel" && strcontains(google_project_iam_member.granted["api database"].condition[0].expression, "databases/promptreel\"") && strcontains(output.console.jobs, "/databases/promptreel/")
    error_message = "something still names the default database"
  }
}

run "instances_are_limited_by_a_quota_below_the_default" {
  command = plan

  variables {
    cpu_quota        = 9
    memory_quota_gib = 17
  }

  assert {
    condition     = google_cloud_run_v2_service.stitcher.scaling[0].max_instance_count == 2 && google_cloudfunctions2_function.this["draw_keyframe"].service_config[0].max_instance_count == 9
    error_message = "two stitchers of 4 vCPU and 8 GiB fit, and nine keyframes"
  }
}

run "quota_too_small_for_a_stitcher_is_refused" {
  command = plan

  variables {
    cpu_quota        = 3
    memory_quota_gib = 7
  }

  expect_failures = [google_cloud_run_v2_service.stitcher]
}

run "images_are_required" {
  command = plan

  variables {
    stitcher_image = null
    studio_image   = null
  }

  expect_failures = [google_cloud_run_v2_service.stitcher, google_cloud_run_v2_service.studio]
}

run "replicate_is_off_without_its_token" {
  command = plan

  assert {
    condition     = length(google_secret_manager_secret_iam_member.reads_token) == 0 && !contains(keys(google_cloudfunctions2_function.this["api"].service_config[0].environment_variables), "PROMPTREEL_REPLICATE")
    error_message = "a deployment without a token must not know Replicate"
  }
}

run "replicate_is_on_with_the_version_of_its_token" {
  command = plan

  variables {
    replicate_token = { secret = "replicate", version = 2 }
  }

  assert {
    condition     = google_cloudfunctions2_function.this["poll_clips"].service_config[0].secret_environment_variables[0].version == "2" && google_cloudfunctions2_function.this["api"].service_config[0].environment_variables.PROMPTREEL_REPLICATE == "on" && length(google_cloudfunctions2_function.this["api"].service_config[0].secret_environment_variables) == 0
    error_message = "steps that film need the token, the API needs to know of it"
  }
}

# A plan takes a third of a second, so wrong values share one; each of them must be refused by itself.
run "values_out_of_range_public_or_empty_are_refused" {
  command = plan

  variables {
    billing_account      = "my account"
    clip_writers         = ["allUsers"]
    budget               = 0
    budget_usd           = 0
    cpu_quota            = 0
    bucket_suffix        = "_x"
    database             = "Jobs"
    environment          = "Production!"
    labels               = { app = "other" }
    max_active_jobs      = 0
    memory_quota_gib     = 0
    requests_per_minute  = 0.5
    picture_buckets      = ["gs://brand-pictures"]
    service_perimeter    = "my-perimeter"
    operators            = []
    people               = ["allUsers"]
    region               = "us-central2"
    replicate_token      = { secret = "r8_token!", version = 1 }
    stitcher_image       = "us-docker.pkg.dev/p/r/stitcher:latest"
    studio_image         = "us-docker.pkg.dev/p/r/studio:v1"
    veo_location         = "global"
    veo_quota_per_minute = 0
  }

  expect_failures = [
    var.billing_account,
    var.clip_writers,
    var.bucket_suffix,
    var.budget,
    var.budget_usd,
    var.cpu_quota,
    var.database,
    var.environment,
    var.labels,
    var.max_active_jobs,
    var.memory_quota_gib,
    var.picture_buckets,
    var.requests_per_minute,
    var.service_perimeter,
    var.operators,
    var.people,
    var.region,
    var.replicate_token,
    var.stitcher_image,
    var.studio_image,
    var.veo_location,
    var.veo_quota_per_minute,
  ]
}

run "one_wrong_value_in_a_list_and_the_upper_bounds_are_refused" {
  command = plan

  variables {
    budget               = 99.5
    budget_usd           = 10.5
    clip_writers         = ["serviceAccount:service-1@gcp-sa-aiplatform.iam.gserviceaccount.com", "user:stranger@example.com"]
    kms_key              = "projects/k/locations/us-east1/keyRings/r/cryptoKeys/c"
    labels               = { Team = "films" }
    operators            = ["ops@example.com", "no-address"]
    people               = ["user:one@example.com", "allAuthenticatedUsers"]
    project              = "My Project"
    replicate_token      = { secret = "replicate", version = 0 }
    veo_quota_per_minute = 5000
  }

  expect_failures = [
    var.budget,
    var.budget_usd,
    var.clip_writers,
    var.kms_key,
    var.labels,
    var.operators,
    var.people,
    var.project,
    var.replicate_token,
    var.veo_quota_per_minute,
  ]
}
