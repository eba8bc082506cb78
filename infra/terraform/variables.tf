variable "project" {
  description = "Google Cloud project; each environment has its own"
  type        = string
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project))
    error_message = "project is an id of 6 to 30 characters: lower case letters, digits, hyphens."
  }
}

variable "region" {
  description = "Where services, database, Redis and registry are"
  type        = string
  default     = "europe-west1"
  validation {
    condition     = can(regex("^[a-z]+-[a-z]+[0-9]+$", var.region))
    error_message = "region is a region such as europe-west1, not a zone."
  }
}

variable "environment" {
  description = "staging or production"
  type        = string
  validation {
    condition     = contains(["staging", "production"], var.environment)
    error_message = "environment is staging or production."
  }
}

variable "domain" {
  description = "Host name of the front door"
  type        = string
  validation {
    condition     = can(regex("^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\\.)+[a-z]{2,}$", var.domain))
    error_message = "domain is a host name in lower case, without scheme and path."
  }
}

variable "origins" {
  description = "Pages of other hosts that may connect to the websocket service"
  type        = list(string)
  default     = []
  validation {
    condition     = alltrue([for o in var.origins : can(regex("^https://[a-z0-9.-]+(:[0-9]+)?$", o))])
    error_message = "Each of the origins is https://host[:port], without a path."
  }
}

variable "images" {
  description = "Images of the first deploy, as image@sha256:digest; null ever after, when the gate sets them"
  type = object({
    realtime = string
    actions  = string
    events   = string
    migrate  = string
    sweep    = string
  })
  default = null
  validation {
    condition     = var.images == null ? true : alltrue([for i in values(var.images) : can(regex("^[^@ ]+@sha256:[0-9a-f]{64}$", i))])
    error_message = "Images are named by digest: a tag can be moved between a test and a rollout."
  }
}

variable "sweep_image" {
  description = "Another image of the sweep, as image@sha256:digest; null leaves the one that is there. The gate sets those of services and of migrations, not this one"
  type        = string
  default     = null
  validation {
    condition     = var.sweep_image == null ? true : can(regex("^[^@ ]+@sha256:[0-9a-f]{64}$", var.sweep_image))
    error_message = "The sweep's image is named by digest."
  }
}

variable "collector_image" {
  description = "Google's sidecar that scrapes /metrics, as image@sha256:digest"
  type        = string
  validation {
    condition     = can(regex("^[^@ ]+@sha256:[0-9a-f]{64}$", var.collector_image))
    error_message = "The collector's image is named by digest."
  }
}

variable "services" {
  description = "Sizes: containers of a revision, requests of a container, its CPUs and memory (MiB), and the connections that it may open"
  type = object({
    realtime = object({ min_instances = number, max_instances = number, concurrency = number, cpu = number, memory_mb = number })
    actions  = object({ min_instances = number, max_instances = number, concurrency = number, cpu = number, memory_mb = number, pool = number })
    events   = object({ min_instances = number, max_instances = number, concurrency = number, cpu = number, memory_mb = number, pool = number })
  })
  validation {
    condition     = alltrue([for s in [var.services.realtime, var.services.actions, var.services.events] : s.min_instances >= 0 && s.max_instances >= max(1, s.min_instances)])
    error_message = "max_instances is at least 1 and at least min_instances."
  }
  validation {
    condition     = alltrue([for s in [var.services.realtime, var.services.actions, var.services.events] : s.concurrency >= 1 && s.concurrency <= 1000])
    error_message = "Cloud Run gives a container at most 1000 requests at a time."
  }
  validation {
    condition     = alltrue([for s in [var.services.realtime, var.services.actions, var.services.events] : contains([1, 2, 4, 6, 8], s.cpu) && s.memory_mb >= 512 && s.memory_mb <= s.cpu * 4096])
    error_message = "CPUs are 1, 2, 4, 6 or 8, with 512 MiB or more, and at most 4 GiB for each."
  }
}

variable "jobs" {
  description = "Jobs: tasks that may run at once, and the connections that each of them may open"
  type = object({
    migrate = object({ tasks = number, pool = number })
    sweep   = object({ tasks = number, pool = number })
  })
  default = {
    migrate = { tasks = 1, pool = 2 }
    sweep   = { tasks = 3, pool = 3 } # its service, which takes 2 more connections, and one by hand
  }
  validation {
    condition     = var.jobs.migrate.tasks == 1
    error_message = "One task migrates."
  }
}

variable "database" {
  description = "Cloud SQL: instance name, machine, its CPUs, disk (GB), connections, and whether a second zone stands by"
  type = object({
    name            = string
    tier            = string
    cores           = number
    disk_gb         = number
    max_connections = number
    standby         = bool
  })
  validation {
    condition     = can(regex("^vegascore[a-z0-9-]*$", var.database.name))
    error_message = "The instance's name begins with vegascore: the runbook finds it by that."
  }
  validation {
    condition     = endswith(var.database.tier, "-${var.database.cores}")
    error_message = "cores is the number of CPUs that tier ends in; the pools are computed from it."
  }
  validation {
    condition     = var.database.disk_gb >= 10
    error_message = "The disk has 10 GB or more."
  }
}

variable "redis" {
  description = "Memorystore: memory (GB), and whether a replica stands by"
  type = object({
    memory_gb = number
    standby   = bool
  })
  validation {
    condition     = var.redis.memory_gb >= 1 && var.redis.memory_gb <= 300
    error_message = "memory_gb is 1 to 300."
  }
}

variable "passwords" {
  description = "Raise it by one to give the database's users new passwords"
  type        = number
  default     = 1
  validation {
    condition     = var.passwords >= 1 && floor(var.passwords) == var.passwords
    error_message = "passwords is a whole number from 1."
  }
}

variable "alert_emails" {
  description = "Who is told of alerts"
  type        = list(string)
  validation {
    condition     = length(var.alert_emails) > 0 && alltrue([for a in var.alert_emails : can(regex("^[^@ ]+@[^@ ]+$", a))])
    error_message = "At least one mail address is told of alerts."
  }
}

variable "requests_per_minute" {
  description = "Requests of one address in a minute, beyond which the edge answers 429"
  type        = number
  default     = 1200
  validation {
    condition     = var.requests_per_minute >= 60 && var.requests_per_minute <= 100000
    error_message = "requests_per_minute is 60 to 100000."
  }
}

variable "release" {
  description = "The trigger: a connected repository (null until a person has connected one), the branch, the base image by digest, canary steps and how long each is watched, and whether a person approves"
  type = object({
    repository = optional(string)
    branch     = optional(string, "^main$")
    base_image = optional(string, "")
    steps      = optional(string, "10,50,100")
    soak       = optional(string, "120s")
    approval   = optional(bool, false)
  })
  default = {}
  validation {
    condition     = var.release.repository == null || can(regex("@sha256:[0-9a-f]{64}$", var.release.base_image))
    error_message = "With a repository, base_image is named by digest."
  }
  validation {
    condition     = can(regex("^([0-9]{1,2},)*100$", var.release.steps))
    error_message = "steps are percentages that end in 100."
  }
}
