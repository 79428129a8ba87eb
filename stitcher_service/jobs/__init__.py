"""The stitcher's work for promptreel's jobs: documents and artifacts in, one film or preview out."""
