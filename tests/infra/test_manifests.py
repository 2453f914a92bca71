"""The manifests against KubeRay's schema, and the rules that only its operator would check."""

import copy
import re
import shlex
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml

INFRA = Path(__file__).resolve().parents[2] / "infra"
KUBERNETES = "1.37"
GENERATED_SUFFIX_CHARS = 5  # what Kubernetes appends to generateName
RAYJOB_NAME_MAX_CHARS = 47
DNS_1035 = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")

Manifest = dict[str, Any]


def manifests(kind: str) -> list[Manifest]:
    found = [one for path in INFRA.glob("*.yaml") for one in yaml.safe_load_all(path.read_text())]
    return [one for one in found if one["kind"] == kind]


def strict(schema: Any) -> Any:  # noqa: ANN401 - any node of a schema
    """Make a CRD's schema refuse unknown fields; what has a default need not be given."""
    if isinstance(schema, list):
        return [strict(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: strict(value) for key, value in schema.items() if key != "x-kubernetes-int-or-string"}
    properties = made.get("properties")
    if isinstance(properties, dict) and made.get("type") == "object":
        made.setdefault("additionalProperties", False)
        required = [name for name in made.get("required", []) if "default" not in properties.get(name, {})]
        made.pop("required", None)
        made |= {"required": required} if required else {}
    return made


@pytest.fixture(scope="module")
def validator(shared_data: Path) -> jsonschema.Draft7Validator:
    definition = yaml.safe_load((shared_data / "schemas/kuberay/ray.io_rayjobs.yaml").read_text())
    (version,) = (one for one in definition["spec"]["versions"] if one["name"] == "v1")
    schema = strict(version["schema"]["openAPIV3Schema"])
    schema["properties"]["metadata"] = {"type": "object"}  # the core's, not KubeRay's
    return jsonschema.Draft7Validator(schema)


@pytest.fixture(params=manifests("RayJob"), ids=lambda one: one["metadata"]["generateName"])
def rayjob(request: pytest.FixtureRequest) -> Manifest:
    found: Manifest = copy.deepcopy(request.param)
    return found


def groups(rayjob: Manifest) -> Iterator[Manifest]:
    cluster = rayjob["spec"]["rayClusterSpec"]
    yield cluster["headGroupSpec"]
    yield from cluster["workerGroupSpecs"]


def containers(rayjob: Manifest) -> Iterator[Manifest]:
    for group in groups(rayjob):
        yield from group["template"]["spec"]["containers"]


def test_a_rayjob_fits_the_schema(rayjob: Manifest, validator: jsonschema.Draft7Validator) -> None:
    assert [error.message for error in validator.iter_errors(rayjob)] == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("spec.ttlSecondsAfterFinishd", 600),
        ("spec.shutdownAfterJobFinishes", "yes"),
        ("spec.rayClusterSpec.workerGroupSpecs.0.replicas", "2"),
        ("spec.rayClusterSpec.workerGroupSpecs.0.template.spec.containers.0.imagee", "mrovseg"),
        ("spec.rayClusterSpec.authOptions.mode", "open"),
    ],
)
def test_the_schema_refuses(
    rayjob: Manifest, validator: jsonschema.Draft7Validator, path: str, value: object
) -> None:
    *parents, last = path.split(".")
    node: Any = rayjob
    for step in parents:
        node = node[int(step) if step.isdigit() else step]
    node[last] = value
    assert list(validator.iter_errors(rayjob))


@pytest.mark.parametrize("manifest", manifests("ConfigMap"), ids=lambda one: one["metadata"]["name"])
def test_a_config_map_is_one_of_kubernetes(manifest: Manifest) -> None:
    kubernetes_validate.validate(manifest, KUBERNETES, strict=True)
    with pytest.raises(kubernetes_validate.ValidationError, match="dat"):
        kubernetes_validate.validate(manifest | {"dat": {}}, KUBERNETES, strict=True)


@pytest.mark.parametrize("manifest", manifests("ConfigMap"), ids=lambda one: one["metadata"]["name"])
def test_a_mounted_configuration_is_one_the_job_takes(manifest: Manifest, tmp_path: Path) -> None:
    from jobs.run.settings import segment as settings  # noqa: PLC0415 - no package of the project at top, see conftest

    for name, text in manifest["data"].items():
        (tmp_path / name).write_text(text)
        read = settings.segment_settings(settings.read_file(tmp_path / name))
        assert read.flow.actor_gpus == 1
        assert read.vocabulary.names == ("building", "road", "water")


def test_names_leave_room_for_what_is_derived_from_them(rayjob: Manifest) -> None:
    name = rayjob["metadata"]["generateName"] + "x" * GENERATED_SUFFIX_CHARS
    assert len(name) <= RAYJOB_NAME_MAX_CHARS
    assert DNS_1035.fullmatch(name)


def test_a_finished_cluster_goes_and_a_hung_one_too(rayjob: Manifest) -> None:
    spec = rayjob["spec"]
    assert spec["shutdownAfterJobFinishes"] is True  # without it the operator refuses a ttl
    assert spec["ttlSecondsAfterFinished"] > 0
    assert spec["activeDeadlineSeconds"] > 0
    assert spec["preRunningDeadlineSeconds"] > 0
    assert "clusterSelector" not in spec
    assert spec.get("submissionMode") != "InteractiveMode"  # neither goes with backoffLimit


def test_resources_are_said_once_and_held(rayjob: Manifest) -> None:
    for group in groups(rayjob):
        assert "labels" not in group["rayStartParams"]
        assert not ("resources" in group and {"num-cpus", "num-gpus"} & group["rayStartParams"].keys())
        assert all(isinstance(value, str) for value in group["rayStartParams"].values())
    for container in containers(rayjob):
        assert container["resources"]["requests"] == container["resources"]["limits"]


def test_the_head_takes_no_work_and_workers_are_of_a_fixed_number(rayjob: Manifest) -> None:
    cluster = rayjob["spec"]["rayClusterSpec"]
    assert cluster["headGroupSpec"]["rayStartParams"]["num-cpus"] == "0"
    assert not cluster.get("enableInTreeAutoscaling", False)
    for group in cluster["workerGroupSpecs"]:
        assert group["minReplicas"] == group["replicas"] == group["maxReplicas"]


def test_a_gpu_is_tolerated_where_it_is_asked_for(rayjob: Manifest) -> None:
    for group in rayjob["spec"]["rayClusterSpec"]["workerGroupSpecs"]:
        pod = group["template"]["spec"]
        asked = any("nvidia.com/gpu" in one["resources"]["limits"] for one in pod["containers"])
        tolerated = any(one["key"] == "nvidia.com/gpu" for one in pod.get("tolerations", []))
        assert asked == tolerated


def test_every_node_has_the_same_image_and_credentials_and_no_root(rayjob: Manifest) -> None:
    found = list(containers(rayjob))
    assert len({one["image"] for one in found}) == 1
    for one in found:
        assert [source["secretRef"]["name"] for source in one["envFrom"]] == ["mrovseg-s3"]
        assert one["securityContext"]["runAsNonRoot"] is True
        assert one["securityContext"]["runAsUser"] != 0


def test_the_entrypoint_runs_a_job_on_a_mounted_configuration(rayjob: Manifest) -> None:
    words = shlex.split(rayjob["spec"]["entrypoint"])
    assert words[:2] == ["python", "-m"]
    assert find_spec(words[2]) is not None
    folder, name = words[words.index("--config") + 1].rsplit("/", 1)
    pod = rayjob["spec"]["rayClusterSpec"]["headGroupSpec"]["template"]["spec"]
    (mount,) = (one for one in pod["containers"][0]["volumeMounts"] if one["mountPath"] == folder)
    (volume,) = (one for one in pod["volumes"] if one["name"] == mount["name"])
    (config,) = (
        one for one in manifests("ConfigMap") if one["metadata"]["name"] == volume["configMap"]["name"]
    )
    assert name in config["data"]
