"""The profile "restricted" of the Pod Security Standards, field by field, and what we ask of ourselves beyond it.

https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted. The namespace enforces the profile, so
a pod that breaks it would not be made at all.
"""

from typing import Any

import pytest

from tests.deploy.files import Document, objects, pods

VOLUMES = {
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
}
SECCOMP = ({"type": "RuntimeDefault"}, {"type": "Localhost"})

every_pod = pytest.mark.parametrize("pod", pods().values(), ids=list(pods()))


def containers(pod: Document) -> list[Document]:
    kinds = ("containers", "initContainers", "ephemeralContainers")
    return [each for kind in kinds for each in pod.get(kind, [])]


def contexts(pod: Document) -> list[Document]:
    """The security contexts, of the pod and of each container."""
    return [pod.get("securityContext", {}), *(each.get("securityContext", {}) for each in containers(pod))]


def effective(pod: Document, container: Document, field: str) -> Any:
    """What holds for a container: its own word, else the pod's."""
    own = container.get("securityContext", {})
    return own.get(field, pod.get("securityContext", {}).get(field))


@every_pod
def test_a_pod_shares_no_namespace_with_its_node(pod: Document) -> None:
    assert [field for field in ("hostNetwork", "hostPID", "hostIPC") if pod.get(field)] == []
    assert [port for each in containers(pod) for port in each.get("ports", []) if "hostPort" in port] == []


@every_pod
def test_a_container_is_not_privileged_and_cannot_become_so(pod: Document) -> None:
    for context in contexts(pod)[1:]:
        assert not context.get("privileged", False)
        assert context["allowPrivilegeEscalation"] is False


@every_pod
def test_a_container_has_no_capability(pod: Document) -> None:
    assert [each["securityContext"]["capabilities"] for each in containers(pod)] == [{"drop": ["ALL"]}]


@every_pod
def test_a_container_is_an_ordinary_user(pod: Document) -> None:
    for each in containers(pod):
        assert effective(pod, each, "runAsNonRoot") is True
        assert effective(pod, each, "runAsUser") > 0
    assert all(context.get("runAsUser", 1) != 0 for context in contexts(pod))


@every_pod
def test_system_calls_are_filtered(pod: Document) -> None:
    for each in containers(pod):
        assert effective(pod, each, "seccompProfile") in SECCOMP


@every_pod
def test_a_volume_is_of_a_kind_that_reaches_nothing_of_the_node(pod: Document) -> None:
    kinds = {key for volume in pod["volumes"] for key in volume if key != "name"}
    assert kinds <= VOLUMES


@every_pod
def test_nothing_loosens_what_the_runtime_sets(pod: Document) -> None:
    loosening = ("seLinuxOptions", "procMount", "sysctls", "windowsOptions", "appArmorProfile")
    assert [field for context in contexts(pod) for field in loosening if field in context] == []


@every_pod
def test_the_root_filesystem_is_read_only(pod: Document) -> None:
    assert all(each["securityContext"]["readOnlyRootFilesystem"] is True for each in containers(pod))


@every_pod
def test_a_pod_has_no_key_to_the_cluster(pod: Document) -> None:
    account = objects("ServiceAccount")[pod["serviceAccountName"]]
    assert account["automountServiceAccountToken"] is False
    assert pod["automountServiceAccountToken"] is False
    assert objects("Role") == objects("RoleBinding") == objects("ClusterRoleBinding") == {}


def test_the_namespace_enforces_the_profile() -> None:
    labels = objects("Namespace")["waddlebot"]["metadata"]["labels"]
    assert {labels[f"pod-security.kubernetes.io/{mode}"] for mode in ("enforce", "warn", "audit")} == {"restricted"}
