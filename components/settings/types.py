"""Types of single settings: each is a plain function that returns the value or says the rule."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, WithJsonSchema, WrapValidator

from . import quantities, ssh_keys
from .addresses import cidr, dns_domain, host, ingress_host, ip_address, source_range
from .images import IMAGE_PREFIX, IMAGE_TAG, image_prefix, image_tag
from .moments import TIMESTAMP, moment, timestamp
from .names import (
    DNS_1035,
    DNS_LABEL,
    annotation_key,
    data_store,
    dns_1035,
    dns_label,
    dns_subdomain,
    label_key,
    label_value,
    secret_key,
)
from .secrets import SECURE, check_secret, check_secret_command
from .text import Validation, single_line, user_data

NUMBER = r"(?:0|[1-9][0-9]{0,5})"
VERSION = re.compile(rf"v?({NUMBER}\.{NUMBER}\.{NUMBER}(?:-[0-9A-Za-z]+(?:[.-][0-9A-Za-z]+)*)?)")
SSH_KEY = re.compile(r"(ssh-|ecdsa-|sk-)[^ ]+ [A-Za-z0-9+/]+=*( .*)?")
PERCENT = re.compile(r"[0-9]{1,5}%")
HTTP_URL = re.compile(r"https?://[A-Za-z0-9.-]+(:[0-9]+)?(/[!-~]*)?")
CHARTS_URL = re.compile(r"(https?|oci)://[A-Za-z0-9.-]+(:[0-9]+)?(/[!-~]*)?")
URL_PATH = re.compile(r"/[!-~]*")
MODE = re.compile(r"0?[0-7]{3}")
ARGUMENT = re.compile(r"--[a-z][a-z0-9-]*(=[^\n]*)?")
USER_NAME = re.compile(r"[a-z_][a-z0-9_-]{0,31}")
ADDRESS_RANGE = re.compile(r"[0-9a-fA-F.:]+/[0-9]{1,3}")
CHART_VERSION = re.compile(
    r"v?[0-9]+\.[0-9]+\.[0-9]+(?:-[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?"
)
MAX_PORT = 32767
INT32 = 2**31 - 1
"""Kubernetes' numbers of machines and seconds have 32 bits."""

ADMISSION_PLUGINS = (
    "AlwaysAdmit",
    "AlwaysDeny",
    "AlwaysPullImages",
    "CertificateApproval",
    "CertificateSigning",
    "CertificateSubjectRestriction",
    "DefaultIngressClass",
    "DefaultStorageClass",
    "DefaultTolerationSeconds",
    "DenyServiceExternalIPs",
    "EventRateLimit",
    "ExtendedResourceToleration",
    "ImagePolicyWebhook",
    "LimitPodHardAntiAffinityTopology",
    "LimitRanger",
    "MutatingAdmissionWebhook",
    "NamespaceAutoProvision",
    "NamespaceExists",
    "NamespaceLifecycle",
    "NodeRestriction",
    "OwnerReferencesPermissionEnforcement",
    "PersistentVolumeClaimResize",
    "PersistentVolumeLabel",
    "PodNodeSelector",
    "PodSecurity",
    "PodSecurityPolicy",
    "PodTolerationRestriction",
    "Priority",
    "ResourceQuota",
    "RuntimeClass",
    "SecurityContextDeny",
    "ServiceAccount",
    "StorageObjectInUseProtection",
    "TaintNodesByCondition",
    "ValidatingAdmissionWebhook",
)
"""Those that Kamaji's CRD knows (api/v1alpha1/types.go), without the two that went before Kubernetes 1.22."""


def version(value: str) -> str:
    """A Kubernetes version, without the leading v."""
    match = VERSION.fullmatch(value)
    if not match:
        raise ValueError("must be a full Kubernetes version: three numbers with dots between")
    if any(re.fullmatch("0[0-9]+", part) for part in match[1].partition("-")[2].split(".")):
        raise ValueError("must be a semantic version: a number after the dash must not begin with 0")
    return match[1]


def chart_version(value: str) -> str:
    """A version of a Helm chart. A range would install another chart one day without anybody's wish."""
    if not CHART_VERSION.fullmatch(value):
        raise ValueError("must be one version of a chart, three numbers with dots between, and no range")
    return value


def port(value: int) -> int:
    """A TCP port as Kamaji's provider reads it: ``ParseInt(port, 10, 16)`` fails above 32767."""
    if not 1 <= value <= MAX_PORT:
        raise ValueError(
            f"must be a port between 1 and {MAX_PORT}: Kamaji's Cluster API provider reads it as a signed 16-bit number"
        )
    return value


def admission_plugin(value: str) -> str:
    """An admission plug-in of kube-apiserver that Kamaji's CRD knows."""
    if value not in ADMISSION_PLUGINS:
        names = {name.lower(): name for name in ADMISSION_PLUGINS}
        close = difflib.get_close_matches(value.lower(), list(names), n=1, cutoff=0.6)
        hint = f"; did you mean {names[close[0]]}?" if close else ""
        raise ValueError(f"is no admission plug-in that Kamaji knows{hint}")
    return value


def ssh_key(value: str, validation: Validation) -> str:
    """A public SSH key in OpenSSH's form."""
    return single_line(ssh_keys.check(value.strip()), validation)


def int_or_percent(value: Any) -> int | str:
    """A number of machines, or a share of them."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= INT32:
        return value
    if isinstance(value, str) and PERCENT.fullmatch(value):
        return value
    raise ValueError("must be a number of machines, or a share such as 25%")


def absolute_path(value: str, validation: Validation) -> str:
    """A file's place on a machine."""
    if not value.startswith("/") or value.endswith("/") or len(value) > 512:
        raise ValueError("must be the absolute path of a file")
    return single_line(value, validation)


def pattern_check(expression: re.Pattern[str], rule: str) -> AfterValidator:
    """A check by an expression alone."""

    def check(value: str) -> str:
        if not expression.fullmatch(value):
            raise ValueError(rule)
        return value

    return AfterValidator(check)


def command(value: str, validation: Validation) -> str:
    """A shell command that arrives on the machine as it is meant."""
    if not value.strip():
        raise ValueError("must not be empty")
    return user_data(value, validation, is_quoted=True)


def content(value: str, validation: Validation) -> str:
    """A file's text that arrives on the machine as it is meant."""
    if not value:
        raise ValueError("must not be empty")
    return user_data(value, validation, is_quoted=False)


def add_on(value: Any) -> Any:
    """true and false as well as a map, so that ``coreDNS: {}`` of a manifest can be kept."""
    if isinstance(value, bool):
        return {} if value else None
    return value


def pattern(expression: re.Pattern[str]) -> WithJsonSchema:
    """The JSON schema of a text with a pattern, for editors."""
    return WithJsonSchema({"type": "string", "pattern": f"^({expression.pattern})$"})


DnsLabel = Annotated[str, AfterValidator(dns_label), pattern(DNS_LABEL)]
Dns1035 = Annotated[str, AfterValidator(dns_1035), pattern(DNS_1035)]
Version = Annotated[str, AfterValidator(version), pattern(VERSION)]
ChartVersion = Annotated[str, AfterValidator(chart_version), pattern(CHART_VERSION)]
DnsSubdomain = Annotated[str, AfterValidator(dns_subdomain)]
DataStore = Annotated[str, AfterValidator(data_store)]
SecretKey = Annotated[str, AfterValidator(secret_key)]
AdmissionPlugin = Annotated[
    str, AfterValidator(admission_plugin), WithJsonSchema({"type": "string", "enum": list(ADMISSION_PLUGINS)})
]
AnnotationKey = Annotated[str, AfterValidator(annotation_key)]
Cidr = Annotated[str, AfterValidator(cidr), pattern(ADDRESS_RANGE)]
SourceRange = Annotated[str, AfterValidator(source_range), pattern(ADDRESS_RANGE)]
DnsDomain = Annotated[str, AfterValidator(dns_domain)]
IngressHost = Annotated[str, AfterValidator(ingress_host)]
ImagePrefix = Annotated[str, AfterValidator(image_prefix), pattern(IMAGE_PREFIX)]
ImageTag = Annotated[str, AfterValidator(image_tag), pattern(IMAGE_TAG)]
ResourceName = Annotated[str, AfterValidator(quantities.resource_name)]
IpAddress = Annotated[str, AfterValidator(ip_address)]
Host = Annotated[str, AfterValidator(host)]
Port = Annotated[int, AfterValidator(port), WithJsonSchema({"type": "integer", "minimum": 1, "maximum": MAX_PORT})]
LabelKey = Annotated[str, AfterValidator(label_key)]
LabelValue = Annotated[str, AfterValidator(label_value)]
SshKey = Annotated[str, AfterValidator(ssh_key), pattern(SSH_KEY)]
IntOrPercent = Annotated[
    Any,
    BeforeValidator(int_or_percent),
    WithJsonSchema(
        {"anyOf": [{"type": "integer", "minimum": 0}, {"type": "string", "pattern": f"^{PERCENT.pattern}$"}]}
    ),
]
Url = Annotated[str, pattern_check(HTTP_URL, "must begin with http:// or https:// and name a host"), pattern(HTTP_URL)]
ChartsUrl = Annotated[
    str, pattern_check(CHARTS_URL, "must begin with https://, http:// or oci:// and name a host"), pattern(CHARTS_URL)
]
FilePath = Annotated[str, AfterValidator(absolute_path)]
UrlPath = Annotated[str, pattern_check(URL_PATH, "must be a path that begins with /"), pattern(URL_PATH)]
Permissions = Annotated[str, pattern_check(MODE, "must be an octal file mode, in quotes"), pattern(MODE)]
Quantity = Annotated[
    str,
    BeforeValidator(quantities.quantity),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "number", "minimum": 0}]}),
]
Timestamp = Annotated[str, BeforeValidator(moment), AfterValidator(timestamp), pattern(TIMESTAMP)]
Argument = Annotated[
    str, pattern_check(ARGUMENT, "must be a command-line argument that begins with --"), pattern(ARGUMENT)
]
UserName = Annotated[
    str,
    pattern_check(USER_NAME, "must be a Unix user name: at most 32 lower-case letters, digits, '_' and '-'"),
    pattern(USER_NAME),
]
# As long as Cluster API's v1beta2 schema allows.
ShortLine = Annotated[str, AfterValidator(single_line), Field(max_length=256)]
ArgumentValue = Annotated[str, AfterValidator(single_line), Field(max_length=1024)]
if TYPE_CHECKING:
    Command = str | SecretStr
    Content = str | SecretStr
else:
    # The checks are those of text, for a secret too; a union of types would check each on its own.
    Command = Annotated[str, AfterValidator(command), WrapValidator(check_secret_command), WithJsonSchema(SECURE)]
    Content = Annotated[str, AfterValidator(content), WrapValidator(check_secret), WithJsonSchema(SECURE)]
