variable "billing_account" {
  description = "Id of the billing account, for the budget alert; empty for no budget. `make deploy` finds it."
  type        = string
  default     = ""

  validation {
    condition     = can(regex("^([0-9A-F]{6}-[0-9A-F]{6}-[0-9A-F]{6})?$", var.billing_account))
    error_message = "billing_account must look like 0A1B2C-3D4E5F-6A7B8C."
  }
}

variable "bucket_suffix" {
  description = "Is appended to the names of the buckets, PROJECT-artifacts and the others, where another project has one of them already. It cannot be changed later."
  type        = string
  default     = ""

  validation {
    condition     = can(regex("^(-[a-z0-9]{1,20})?$", var.bucket_suffix))
    error_message = "bucket_suffix must be a hyphen and at most 20 lower-case letters and digits, such as \"-x7k2\"."
  }
}

variable "budget" {
  description = "What the project may cost in a month before the operators get a mail, in whole units of the billing account's currency; by default as many as budget_usd. It only warns."
  type        = number
  default     = null

  validation {
    condition     = var.budget == null || try(var.budget >= 1 && floor(var.budget) == var.budget, false)
    error_message = "budget must be a whole number of the billing account's currency, at least 1."
  }
}

variable "budget_usd" {
  description = "What films may cost in a month, in dollars as the ledger counts them: a tenth of it within an hour alerts the operators."
  type        = number
  default     = 200

  validation {
    condition     = var.budget_usd >= 1 && floor(var.budget_usd) == var.budget_usd
    error_message = "budget_usd must be a whole number of dollars, at least 1."
  }
}

variable "clip_writers" {
  description = "Accounts of Google that write Veo's output, where it is not the caller, as members: the smoke film's error names them (docs/runbook.md#smoke). They may write clips and nothing else."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for one in var.clip_writers : can(regex("^(serviceAccount|user):[^@\\s]+@([a-z0-9.-]+\\.gserviceaccount\\.com|(prod\\.)?google\\.com)$", one))])
    error_message = "clip_writers must be Google's own accounts, such as \"serviceAccount:service-NUMBER@gcp-sa-aiplatform.iam.gserviceaccount.com\" or \"serviceAccount:cloud-lvm-video-server@prod.google.com\"."
  }
}

variable "cpu_quota" {
  description = "Cloud Run's quota of vCPU in the region (IAM & Admin → Quotas: \"Total CPU allocation, in milli vCPU, per project per region\", divided by 1,000). Maximum instances follow from it."
  type        = number
  default     = 20 # what many new projects have

  validation {
    condition     = var.cpu_quota >= 1
    error_message = "cpu_quota must be at least 1 vCPU (the Console shows thousandths)."
  }
}

variable "database" {
  description = "Name of the Firestore database. Name one where the project has a (default) database already, of Datastore or Firebase. It cannot be changed later: the jobs are in it."
  type        = string
  default     = "(default)"

  validation {
    condition     = can(regex("^(\\(default\\)|[a-z][a-z0-9-]{2,61}[a-z0-9])$", var.database))
    error_message = "database must be \"(default)\" or 4 to 63 lower-case letters, digits and hyphens, beginning with a letter."
  }
}

variable "environment" {
  description = "A label on everything: which deployment this is."
  type        = string
  default     = "prod"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,20}$", var.environment))
    error_message = "environment must be a short lower-case word."
  }
}

variable "kms_key" {
  description = "A key of Cloud KMS in the same region that encrypts buckets, database, images, functions, services and workflow; null for Google's own keys. For a new deployment alone: a database and its images cannot change their key."
  type        = string
  default     = null

  validation {
    condition     = var.kms_key == null || can(regex("^projects/[^/]+/locations/${var.region}/keyRings/[^/]+/cryptoKeys/[^/]+$", var.kms_key))
    error_message = "kms_key must be projects/…/locations/REGION/keyRings/…/cryptoKeys/… in the deployment's own region (${var.region})."
  }
}

variable "labels" {
  description = "More labels on everything that can have some, for instance a team or a cost centre; app and env are set already."
  type        = map(string)
  default     = {}

  validation {
    condition     = length(var.labels) <= 60 && alltrue([for key, value in var.labels : can(regex("^[a-z][a-z0-9_-]{0,62}$", key)) && can(regex("^[a-z0-9_-]{0,63}$", value)) && !contains(["app", "env"], key)])
    error_message = "labels must be at most 60; lower-case letters, digits, hyphens and underscores, keys beginning with a letter and other than app and env."
  }
}

variable "memory_quota_gib" {
  description = "Cloud Run's quota of memory in the region, in GiB (\"Total memory allocation, in bytes, per project per region\"). Maximum instances follow from it."
  type        = number
  default     = 40

  validation {
    condition     = var.memory_quota_gib >= 1
    error_message = "memory_quota_gib must be at least 1 GiB."
  }
}

variable "operators" {
  description = "E-mail addresses of those who run this deployment: people and groups (\"group:ops@example.com\"), who get the alerts, and service accounts of CI. They may use the API and the studio, and see every job. Groups need one more right, see docs/deploy.md."
  type        = list(string)

  validation {
    condition     = length(var.operators) > 0 && alltrue([for one in var.operators : can(regex("^(group:)?[^@:\\s]+@[^@:\\s]+$", one))])
    error_message = "operators must name at least one e-mail address, of a person, a service account, or a group as group:ADDRESS."
  }

  validation {
    condition     = anytrue([for one in var.operators : !endswith(one, ".gserviceaccount.com")])
    error_message = "operators must name at least one person beside the service accounts: an account reads no mail, so the alerts would reach no person (OPERATORS=you@example.com,ci@…)."
  }

  validation {
    condition     = length(var.operators) <= 16
    error_message = "operators must be at most 16: an alert has no more channels. Name a group instead."
  }
}

variable "max_active_jobs" {
  description = "How many unfinished jobs one owner may have, those that wait for an approval among them; a further one is refused with 429."
  type        = number
  default     = 20

  validation {
    condition     = var.max_active_jobs >= 1 && var.max_active_jobs <= 2000 && floor(var.max_active_jobs) == var.max_active_jobs
    error_message = "max_active_jobs must be a whole number from 1 to 2000."
  }
}

variable "requests_per_minute" {
  description = "How many requests a minute one caller may send to one instance of the API; further ones are refused with 429."
  type        = number
  default     = 600

  validation {
    condition     = var.requests_per_minute >= 10 && var.requests_per_minute <= 1000000 && floor(var.requests_per_minute) == var.requests_per_minute
    error_message = "requests_per_minute must be a whole number from 10 to 1000000."
  }
}

variable "picture_buckets" {
  description = "Buckets of yours beside promptreel's own, by name: everybody who may ask for films may use the pictures there as references."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for one in var.picture_buckets : can(regex("^[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]$", one))])
    error_message = "picture_buckets must name buckets, without gs:// (brand-pictures)."
  }
}

variable "people" {
  description = "Who else may use the API and the studio, upload prompts and read reports: \"user:…\", \"group:…\", \"serviceAccount:…\" or \"domain:…\"."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for one in var.people : can(regex("^(user|group|serviceAccount|domain):[^\\s*]+$", one))])
    error_message = "people must be users, groups, service accounts or domains; the public is never let in."
  }
}

variable "project" {
  description = "Id of the Google Cloud project, which has billing."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project))
    error_message = "project must be a project id, not its name or number."
  }
}

variable "protected" {
  description = "Whether data and services refuse to be deleted. Only `make destroy` turns it off."
  type        = bool
  default     = true
}

variable "region" {
  description = "Where everything but the models runs. Veo has a location of its own, veo_location."
  type        = string
  default     = "us-central1"

  validation {
    condition     = contains(concat(local.build_regions, ["us-east4", "us-west1", "europe-west4", "asia-southeast1"]), var.region)
    error_message = "region must be one of ${join(", ", local.build_regions)}, or, where Cloud Build has no restriction for the project, us-east4, us-west1, europe-west4, asia-southeast1."
  }
}

variable "replicate_token" {
  description = "The secret of Secret Manager, in the same project, that holds an API token of Replicate, and the number of its version; null switches that backend off. docs/deploy.md says how to create it."
  type        = object({ secret = string, version = number })
  default     = null

  validation {
    condition     = var.replicate_token == null || try(can(regex("^[A-Za-z0-9_-]{1,255}$", var.replicate_token.secret)) && var.replicate_token.version >= 1 && floor(var.replicate_token.version) == var.replicate_token.version, false)
    error_message = "replicate_token must be { secret = NAME, version = NUMBER }; the token itself is never a variable."
  }
}

variable "service_perimeter" {
  description = "A perimeter of VPC Service Controls that the project is put into, accessPolicies/…/servicePerimeters/…; null for none. See infra/README.md for what it must let through."
  type        = string
  default     = null

  validation {
    condition     = var.service_perimeter == null || can(regex("^accessPolicies/[0-9]+/servicePerimeters/[A-Za-z][A-Za-z0-9_]{0,49}$", var.service_perimeter))
    error_message = "service_perimeter must be accessPolicies/NUMBER/servicePerimeters/NAME."
  }
}

variable "stitcher_image" {
  description = "The stitcher's container image, by digest. `make deploy` builds it and fills this in."
  type        = string
  default     = null

  validation {
    condition     = var.stitcher_image == null || can(regex("@sha256:[0-9a-f]{64}$", var.stitcher_image))
    error_message = "stitcher_image must end in @sha256:…; a tag can be moved."
  }
}

variable "studio_image" {
  description = "The API's code as a container image, by digest. `make deploy` builds it and fills this in."
  type        = string
  default     = null

  validation {
    condition     = var.studio_image == null || can(regex("@sha256:[0-9a-f]{64}$", var.studio_image))
    error_message = "studio_image must end in @sha256:…; a tag can be moved."
  }
}

variable "veo_location" {
  description = "Where Veo films. Google documents Veo 3.1 for us-central1; clips are written to the artifacts bucket wherever that is."
  type        = string
  default     = "us-central1"

  validation {
    condition     = can(regex("^[a-z]+-[a-z]+[0-9]$", var.veo_location))
    error_message = "veo_location must be a region such as us-central1; \"global\" makes no clips."
  }
}

variable "veo_quota_per_minute" {
  description = "Veo requests a minute that the project was granted in veo_location; the clip queues share it."
  type        = number
  default     = 50

  validation {
    condition     = var.veo_quota_per_minute >= 1 && var.veo_quota_per_minute <= 600
    error_message = "veo_quota_per_minute must be between 1 and 600."
  }
}
