"""The effects of changed settings on a cluster on Equinix Metal: capp v0.9.0 (``api/v1beta1``)."""

from __future__ import annotations

from ..effects import Effect

EFFECTS = {
    "metal.projectId": Effect("never", "capp refuses to move a living cluster to another project"),
    "metal.project": Effect("never", "capp refuses to move a living cluster to another project"),
    "metal.metro": Effect("with care", "machines that come later are bought there; living ones stay where they are"),
    "metal.facility": Effect("with care", "machines that come later are bought there; living ones stay where they are"),
    "metal.vipManager": Effect("never", "capp refuses to change it in a living cluster"),
    "metal.cloudController": Effect("rolls machines", "of all pools"),
    "metal.cpem": Effect("in place", "in the tenant cluster alone"),
    "metal.sshKeys": Effect("rolls machines", "of all pools"),
}
