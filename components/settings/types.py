"""Types of single settings: each is a plain function that returns the value or says the rule."""

from __future__ import annotations

import difflib
import re
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, WithJsonSchema, WrapValidator

from . import quantities, ssh_keys
from .addresses import cidr, dns_domain, host, ingress_host, ip_address, source_range
from .images import IMAGE_PREFIX, IMAGE_TAG, image_prefix, image_tag
from .secrets import SECURE, kept_apart, kept_apart_command
from .text import Validation, one_line, user_data

DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
DNS_1035 = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
NUMBER = r"(?:0|[1-9][0-9]{0,5})"
VERSION = re.compile(rf"v?({NUMBER}\.{NUMBER}\.{NUMBER}(?:-[0-9A-Za-z]+(?:[.-][0-9A-Za-z]+)*)?)")
LABEL_NAME = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)")
SSH_KEY = re.compile(r"(ssh-|ecdsa-|sk-)[^ ]+ [A-Za-z0-9+/]+=*( .*)?")
PERCENT = re.compile(r"[0-9]{1,5}%")
HTTP_URL = re.compile(r"https?://[A-Za-z0-9.-]+(:[0-9]+)?(/[!-~]*)?")
URL_PATH = re.compile(r"/[!-~]*")
MODE = re.compile(r"0?[0-7]{3}")
ARGUMENT = re.compile(r"--[a-z][a-z0-9-]*(=[^\n]*)?")
USER_NAME = re.compile(r"[a-z_][a-z0-9_-]{0,31}")
ADDRESS_RANGE = re.compile(r"[0-9a-fA-F.:]+/[0-9]{1,3}")
SECRET_KEY = re.compile(r"(?!\.\.)[-._a-zA-Z0-9]{1,253}")
TIMESTAMP = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?(Z|[+-][0-9]{2}:[0-9]{2})")
GO_TIME = re.compile(r"([0-9-]{10}) ([0-9:]{8})(?:\.[0-9]+)? ([+-][0-9]{2})([0-9]{2}) \S+")
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


def dns_label(value: str) -> str:
    """A name of at most 63 lower-case letters, digits and dashes."""
    if len(value) > 63 or not DNS_LABEL.fullmatch(value):
        raise ValueError(
            "must be at most 63 lower-case letters, digits and dashes, with a letter or digit at both ends"
        )
    return value


def dns_1035(value: str) -> str:
    """A DNS label that starts with a letter: Kamaji makes a Service of the name (its webhook, tcp_name.go)."""
    if len(value) > 63 or not DNS_1035.fullmatch(value):
        raise ValueError(
            "must be at most 63 lower-case letters, digits and dashes, begin with a letter and not end with a dash"
        )
    return value


def dns_subdomain(value: str) -> str:
    """A name of most kinds of objects: DNS labels with dots between (RFC 1123)."""
    if len(value) > 253 or not all(map(DNS_LABEL.fullmatch, value.split("."))):
        raise ValueError(
            "must be at most 253 lower-case letters, digits, dashes and dots, each part with a letter or digit at both ends"
        )
    return value


def data_store(value: str) -> str:
    """Name of a DataStore: Kamaji puts it into a label of the pods, too (component.kamaji.clastix.io/datastore)."""
    if len(value) > 63:
        raise ValueError("must be at most 63 characters long: Kamaji puts it into a label")
    return dns_subdomain(value)


def secret_key(value: str) -> str:
    """A key of a Secret (IsConfigMapKey of k8s.io/apimachinery)."""
    if value == "." or not SECRET_KEY.fullmatch(value):
        raise ValueError("must be at most 253 letters, digits, '-', '_' and '.', not beginning with '..'")
    return value


def version(value: str) -> str:
    """A Kubernetes version, without the leading v."""
    match = VERSION.fullmatch(value)
    if not match:
        raise ValueError("must be a full Kubernetes version: three numbers with dots between")
    if any(re.fullmatch("0[0-9]+", part) for part in match[1].partition("-")[2].split(".")):
        raise ValueError("must be a semantic version: a number behind the dash has no leading zero")
    return match[1]


def port(value: int) -> int:
    """A TCP port as Kamaji's provider reads it: ``ParseInt(port, 10, 16)`` fails above 32767."""
    if not 1 <= value <= MAX_PORT:
        raise ValueError(
            f"must be a port between 1 and {MAX_PORT}: Kamaji's Cluster API provider reads it as a signed 16-bit number"
        )
    return value


def label_key(value: str) -> str:
    """The key of a Kubernetes label or taint."""
    prefix, slash, name = value.rpartition("/")
    if (
        len(name) > 63
        or len(prefix) > 253
        or not LABEL_NAME.fullmatch(name)
        or (slash and not all(map(DNS_LABEL.fullmatch, prefix.split("."))))
    ):
        raise ValueError(
            "must be a label key: at most 63 letters, digits, '-', '_', '.', with an optional DNS prefix and '/'"
        )
    return value


def label_value(value: str) -> str:
    """The value of a Kubernetes label or taint."""
    if value and (len(value) > 63 or not LABEL_NAME.fullmatch(value)):
        raise ValueError("must be a label value: at most 63 letters, digits, '-', '_', '.'")
    return value


def annotation_key(value: str) -> str:
    """The key of an annotation: as a label's, but its domain may have capitals (ValidateAnnotations)."""
    label_key(value.lower())
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
    return one_line(ssh_keys.check(value.strip()), validation)


def int_or_percent(value: Any) -> int | str:
    """A number of machines, or a share of them."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= INT32:
        return value
    if isinstance(value, str) and PERCENT.fullmatch(value):
        return value
    raise ValueError("must be a number of machines, or a share such as 25%")


def http_url(value: str) -> str:
    """An address that a browser could open."""
    if not HTTP_URL.fullmatch(value):
        raise ValueError("must begin with http:// or https:// and name a host")
    return value


def absolute_path(value: str, validation: Validation) -> str:
    """A file's place on a machine."""
    if not value.startswith("/") or value.endswith("/") or len(value) > 512:
        raise ValueError("must be the absolute path of a file")
    return one_line(value, validation)


def url_path(value: str) -> str:
    """The path of a URL."""
    if not URL_PATH.fullmatch(value):
        raise ValueError("must be a path that begins with /")
    return value


def permissions(value: str) -> str:
    """A file's mode."""
    if not MODE.fullmatch(value):
        raise ValueError("must be an octal file mode, in quotes")
    return value


def argument(value: str) -> str:
    """A command-line argument of a control-plane component."""
    if not ARGUMENT.fullmatch(value):
        raise ValueError("must be a command-line argument that begins with --")
    return value


def user_name(value: str) -> str:
    """A Unix user's name."""
    if not USER_NAME.fullmatch(value):
        raise ValueError("must be a Unix user name: at most 32 lower-case letters, digits, '_' and '-'")
    return value


def command(value: str, validation: Validation) -> str:
    """A shell command that arrives on the machine as it is meant."""
    if not value.strip():
        raise ValueError("must not be empty")
    return user_data(value, validation, quoted=True)


def content(value: str, validation: Validation) -> str:
    """A file's text that arrives on the machine as it is meant."""
    if not value:
        raise ValueError("must not be empty")
    return user_data(value, validation, quoted=False)


def moment(value: Any) -> Any:
    """A moment that YAML has read as one, because it stood there without quotes, as RFC 3339 writes it.

    The engine passes it on as Go prints a ``time.Time``: ``2026-03-09 09:00:00 +0000 UTC``.
    """
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=timezone.utc)).isoformat()
    match = GO_TIME.fullmatch(value) if isinstance(value, str) else None
    return f"{match[1]}T{match[2]}{match[3]}:{match[4]}" if match else value


def timestamp(value: str) -> str:
    """A moment as RFC 3339 writes it, in the form that Kubernetes gives back: UTC, whole seconds."""
    rule = "must be a moment of RFC 3339 with its zone"
    if not TIMESTAMP.fullmatch(value):
        raise ValueError(rule)
    try:
        utc = datetime.fromisoformat(value.replace("Z", "+00:00")).astimezone(timezone.utc)
    except (ValueError, OverflowError):
        raise ValueError(f"{rule}; there is no such one") from None
    return utc.isoformat(timespec="seconds").replace("+00:00", "Z")


def add_on(value: Any) -> Any:
    """true and false as well as a map, so that ``coreDNS: {}`` of a manifest can be kept."""
    if isinstance(value, bool):
        return {} if value else None
    return value


def pattern(expression: re.Pattern[str]) -> WithJsonSchema:
    """What an editor checks of a text."""
    return WithJsonSchema({"type": "string", "pattern": f"^({expression.pattern})$"})


DnsLabel = Annotated[str, AfterValidator(dns_label), pattern(DNS_LABEL)]
Dns1035 = Annotated[str, AfterValidator(dns_1035), pattern(DNS_1035)]
Version = Annotated[str, AfterValidator(version), pattern(VERSION)]
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
Url = Annotated[str, AfterValidator(http_url), pattern(HTTP_URL)]
FilePath = Annotated[str, AfterValidator(absolute_path)]
UrlPath = Annotated[str, AfterValidator(url_path), pattern(URL_PATH)]
Permissions = Annotated[str, AfterValidator(permissions), pattern(MODE)]
Quantity = Annotated[
    str,
    BeforeValidator(quantities.quantity),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "number", "minimum": 0}]}),
]
Timestamp = Annotated[str, BeforeValidator(moment), AfterValidator(timestamp), pattern(TIMESTAMP)]
Argument = Annotated[str, AfterValidator(argument), pattern(ARGUMENT)]
UserName = Annotated[str, AfterValidator(user_name), pattern(USER_NAME)]
# As long as Cluster API's v1beta2 schema allows.
ShortLine = Annotated[str, AfterValidator(one_line), Field(max_length=256)]
ArgumentValue = Annotated[str, AfterValidator(one_line), Field(max_length=1024)]
if TYPE_CHECKING:
    Command = str | SecretStr
    Content = str | SecretStr
else:
    # The checks are those of text, for a secret too; a union of types would check each on its own.
    Command = Annotated[str, AfterValidator(command), WrapValidator(kept_apart_command), WithJsonSchema(SECURE)]
    Content = Annotated[str, AfterValidator(content), WrapValidator(kept_apart), WithJsonSchema(SECURE)]
