# State lives in a bucket that is made by hand, once: see ../README.md. The name of the
# bucket and the environment come with `terraform init -backend-config`.
terraform {
  required_version = ">= 1.11" # write-only arguments
  required_providers {
    google = {
      source  = "hashicorp/google"
      version = "~> 7.45"
    }
    random = {
      source  = "hashicorp/random"
      version = "~> 3.7"
    }
  }
  backend "gcs" {}
}

provider "google" {
  project = var.project
  region  = var.region
  default_labels = {
    app         = "vegascore"
    environment = var.environment
  }
}
