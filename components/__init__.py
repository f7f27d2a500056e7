"""The Pulumi program: settings, manifests, component resources, the hand-off and the status tree."""
