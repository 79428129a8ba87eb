# Regions that Google restricts for some projects. A plan warns of them, because it cannot see the restriction.

locals {
  # "Some projects may be restricted to …": cloud.google.com/build/docs/locations. Functions are built in their own region.
  build_regions = ["us-central1", "us-west2", "europe-west1", "asia-east1", "australia-southeast1", "southamerica-east1"]
}

check "cloud_build_takes_new_projects" {
  assert {
    condition     = contains(local.build_regions, var.region)
    error_message = "Cloud Build refuses some projects in ${var.region}, new ones above all: the functions' builds would then fail with \"cannot run builds in this region\". If it does, choose one of ${join(", ", local.build_regions)}; a region cannot be changed later."
  }
}

check "veo_is_documented_in_its_location" {
  assert {
    condition     = var.veo_location == "us-central1"
    error_message = "Google documents Veo 3.1 for us-central1 alone. Elsewhere clips may end with 404 NOT_FOUND; the smoke film shows it."
  }
}
