"""What several services need and that names nothing of the domain's decisions: contracts and plumbing."""
