"""The infrastructure providers of Cluster API that machines come from; each module knows one of them, nothing else does."""
