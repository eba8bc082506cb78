variable "max_connections" {
  description = "max_connections of the database server"
  type        = number
  validation {
    condition     = var.max_connections >= 25 && floor(var.max_connections) == var.max_connections
    error_message = "max_connections is a whole number of at least 25."
  }
}

variable "services" {
  description = "Services that reach the database: how many containers a revision may have, and how many connections each of them may open"
  type = map(object({
    max_instances = number
    pool          = number
  }))
  validation {
    condition     = alltrue([for s in values(var.services) : s.max_instances >= 1 && s.pool >= 1])
    error_message = "A service that reaches the database has at least one container and one connection."
  }
}

variable "jobs" {
  description = "Jobs that reach the database: how many tasks may run at once, and how many connections each of them may open"
  type = map(object({
    tasks = number
    pool  = number
  }))
  validation {
    condition     = alltrue([for j in values(var.jobs) : j.tasks >= 1 && j.pool >= 1])
    error_message = "A job that reaches the database has at least one task and one connection."
  }
}

variable "revisions" {
  description = "Revisions of a service that run at once: two while a rollout shifts traffic"
  type        = number
  default     = 2
  validation {
    condition     = var.revisions >= 2
    error_message = "During a rollout two revisions run at once."
  }
}

variable "reserve" {
  description = "Connections for people and for the server itself"
  type        = number
  default     = 5
}

variable "share" {
  description = "The part of max_connections that may be promised"
  type        = number
  default     = 0.8
  validation {
    condition     = var.share > 0 && var.share <= 0.8
    error_message = "At most 0.8 of the connections may be promised."
  }
}
