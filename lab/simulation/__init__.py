"""Simulated machines, whoever provides them: cloud-init, ``kubeadm join`` and the kubelet, without an operating system."""
