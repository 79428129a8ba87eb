terraform {
  required_version = ">= 1.9"

  required_providers {
    archive = {
      source  = "hashicorp/archive"
      version = "~> 2.7"
    }
    google = {
      source  = "hashicorp/google"
      version = "~> 8.7" # the version whose schema the offline tests use
    }
    time = {
      source  = "hashicorp/time"
      version = "~> 0.13"
    }
  }

  # `make deploy` names the bucket at init: it is created before Terraform has a state.
  backend "gcs" {
    prefix = "promptreel"
  }
}

provider "google" {
  project               = var.project
  region                = var.region
  billing_project       = var.project
  user_project_override = true # the budget API needs a quota project

  default_labels = local.labels
}
