"""An Equinix Metal project of the stack's own, with its SSH keys, through pulumi-equinix-metal.

Imported only where a stack asks for it: the package takes a second to import, and its plugin needs a token.
"""

from __future__ import annotations

import pulumi

from ..settings.model import TenantClusterSettings


def project_id(
    name: str,
    settings: TenantClusterSettings,
    parent: pulumi.Resource,
    providers: list[pulumi.ProviderResource] | None = None,
) -> pulumi.Output[str] | None:
    """Register the project that the settings ask for.

    A project is billed and holds servers, so it is protected: the engine refuses to delete it until
    ``pulumi state unprotect`` says otherwise.

    Args:
        name: the component's name.
        settings: settings of the tenant cluster.
        parent: the component that it is shown under.
        providers: providers of pulumi-equinix-metal, where the default one is not meant.

    Returns:
        The project's UUID; None where the settings name an existing one.
    """
    wanted = settings.metal.project
    if wanted is None:
        return None
    import pulumi_equinix_metal as equinix

    options = pulumi.ResourceOptions(parent=parent, protect=True, providers=providers)
    project = equinix.Project(f"{name}-project", name=wanted.name, organization_id=wanted.organization, opts=options)
    for key in settings.metal.ssh_keys:
        equinix.ProjectSshKey(
            f"{name}-{key.name}",
            name=key.name,
            project_id=project.id,
            public_key=key.public_key,
            opts=pulumi.ResourceOptions(parent=project),
        )
    identifier: pulumi.Output[str] = project.id
    return identifier
