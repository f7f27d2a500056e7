"""The Kubernetes client: kubeconfigs, TLS, proxies, requests, watches. No word of clusters, pools or machines."""
