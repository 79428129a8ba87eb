# Sizes and instances: those of infra/config/services.json, limited to the region's quota.

locals {
  wanted_sizes = merge(
    local.services.functions,
    local.services.services,
    { studio = merge(local.services.functions.api, { instances = 5 }) },
  )

  sizes = {
    for name, size in local.wanted_sizes : name => {
      cpu         = size.cpu
      memory      = size.memory_gib < 1 ? "${size.memory_gib * 1024}Mi" : "${size.memory_gib}Gi"
      concurrency = size.concurrency
      # Cloud Run checks each service by itself: instances × size within the region's quota.
      instances = min(size.instances, floor(var.cpu_quota / size.cpu), floor(var.memory_quota_gib / size.memory_gib))

      # A request without a free thread waits in the instance, and Cloud Run starts no other instance for it. The stitcher has
      # one thread more, to answer "busy" while it renders a film whose caller has given up.
      # Source: cloud.google.com/functions/docs/configuring/concurrency ("set THREADS equal to the concurrency").
      env = { THREADS = tostring(size.concurrency + (name == "stitcher" ? 1 : 0)) }
    }
  }
}
