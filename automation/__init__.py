"""What other code calls: clusters through the Pulumi Automation API."""
