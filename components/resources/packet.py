"""An Equinix Metal project of the stack's own, with its SSH keys, through pulumi-equinix-metal.

Loaded only for a cluster on Equinix Metal, and the package only where a stack asks for a project: it takes a second to
import, and its plugin needs a token.
"""

from __future__ import annotations

from collections.abc import Mapping

import pulumi

from ..settings.metal import MetalClusterSettings


def project_of_the_stack(
    name: str, settings: MetalClusterSettings, parent: pulumi.Resource
) -> Mapping[str, pulumi.Input[str]]:
    """Register the project that the settings ask for.

    A project is billed and holds servers, so it is protected: the engine refuses to delete it until
    ``pulumi state unprotect`` says otherwise.

    Args:
        name: the component's name.
        settings: settings of the tenant cluster.
        parent: the component that it is shown under.

    Returns:
        The PacketCluster's ``projectID``; nothing where the settings name an existing project.
    """
    section = settings.metal.project
    if section is None:
        return {}
    import pulumi_equinix_metal as equinix

    options = pulumi.ResourceOptions(parent=parent, protect=True)
    project = equinix.Project(f"{name}-project", name=section.name, organization_id=section.organization, opts=options)
    for key in settings.metal.ssh_keys:
        equinix.ProjectSshKey(
            f"{name}-{key.name}",
            name=key.name,
            project_id=project.id,
            public_key=key.public_key,
            opts=pulumi.ResourceOptions(parent=project),
        )
    return {"projectID": project.id}
