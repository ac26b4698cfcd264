"""make sbom: one CycloneDX document of everything in the product, checked against CycloneDX's own schema.

    .venv/bin/python scripts/sbom.py            writes sbom.cdx.json into the target folder

Rust crates come from `cargo metadata` and Cargo.lock, the desk's packages from `npm sbom`, and C sources that crates carry from
their headers. `required` is what is in the binary; `excluded` is what only builds or tests it.
"""

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import ExternalReference, ExternalReferenceType, HashAlgorithm, HashType, Property, XsUri
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentScope, ComponentType
from cyclonedx.model.license import LicenseExpression
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL

ROOT = Path(__file__).resolve().parent.parent
PLATFORM = f"{os.uname().machine}-unknown-linux-gnu"
LICENCES = LicenseFactory()

# C sources inside crates: crate → what they are, its licence, its header, what names the version there.
CARRIED = {
    "libsqlite3-sys": ("sqlite", "blessing", "sqlite3/sqlite3.h", r'#define SQLITE_VERSION\s+"([\d.]+)"'),
    "libmimalloc-sys": ("mimalloc", "MIT", "c_src/mimalloc/v3/include/mimalloc.h", r"#define MI_MALLOC_VERSION\s+(\d+)"),
}


# Packages of the desk that say their licence elsewhere than where npm looks. bpmn.io's is MIT's text with one condition more:
# its mark stays visible on what is drawn.
UNSAID = {"component-props": "MIT"}
BPMN_IO = LicenseExpression("LicenseRef-bpmn.io")
WATERMARKED = {"bpmn-js", "dmn-js", "dmn-js-boxed-expression", "dmn-js-decision-table", "dmn-js-drd"}
WATERMARKED |= {"dmn-js-literal-expression", "dmn-js-shared", "@bpmn-io/form-js-editor", "@bpmn-io/form-js-viewer"}


def run(*command: str, folder: Path = ROOT) -> str:
    return subprocess.run(command, cwd=folder, check=True, stdout=subprocess.PIPE, text=True).stdout


def licence(text: str | None):
    # Crates from before SPDX expressions wrote a slash for OR.
    return [LICENCES.make_from_string(re.sub(r"\s*/\s*", " OR ", text))] if text else []


def linked() -> set[str]:
    """Names and versions of what is linked into the binary. `cargo metadata` also tells features that nobody switches on."""
    tree = run(
        *("cargo", "tree", "--locked", "--offline", "--package", "banyan", "--edges", "normal,no-proc-macro"),
        *("--target", PLATFORM, "--prefix", "none", "--format", "{p}"),
    )
    return {"@".join(line.split()[:2]).replace("@v", "@") for line in tree.splitlines() if line.strip()}


def carried(package: dict) -> Component | None:
    if package["name"] not in CARRIED:
        return None
    name, terms, header, version = CARRIED[package["name"]]
    found = re.search(version, (Path(package["manifest_path"]).parent / header).read_text())
    if found is None:
        raise SystemExit(f"{package['name']}: {header} does not tell the version of {name}")
    number = found[1]
    if number.isdigit():
        # major, then two digits each of minor and patch
        number = f"{int(number) // 10000}.{int(number) // 100 % 100}.{int(number) % 100}"
    return Component(
        type=ComponentType.LIBRARY,
        name=name,
        version=number,
        bom_ref=f"pkg:generic/{name}@{number}",
        purl=PackageURL("generic", None, name, number),
        licenses=[LICENCES.make_from_string(terms)],
        scope=ComponentScope.REQUIRED,
        properties=[Property(name="banyan:carried-by", value=f"{package['name']} {package['version']}")],
    )


def crates(bom: Bom) -> Component:
    """Adds the crates; gives the binary."""
    metadata = json.loads(
        run("cargo", "metadata", "--format-version", "1", "--locked", "--offline", "--filter-platform", PLATFORM)
    )
    locked = tomllib.loads((ROOT / "Cargo.lock").read_text())["package"]
    sums = {(one["name"], one["version"]): one.get("checksum") for one in locked}
    packages = {one["id"]: one for one in metadata["packages"]}
    nodes = {one["id"]: one for one in metadata["resolve"]["nodes"]}
    binary = next(key for key, one in packages.items() if one["name"] == "banyan")
    shipped = linked()
    components = {}
    for key, package in packages.items():
        name, version = package["name"], package["version"]
        check = sums[(name, version)]
        references = []
        if package["repository"]:
            references.append(ExternalReference(type=ExternalReferenceType.VCS, url=XsUri(package["repository"])))
        components[key] = Component(
            type=ComponentType.APPLICATION if key == binary else ComponentType.LIBRARY,
            name=name,
            version=version,
            bom_ref=f"pkg:cargo/{name}@{version}",
            purl=PackageURL("cargo", None, name, version),
            description=package["description"],
            licenses=licence(package["license"]),
            hashes=[HashType(alg=HashAlgorithm.SHA_256, content=check)] if check else [],
            scope=ComponentScope.REQUIRED if f"{name}@{version}" in shipped else ComponentScope.EXCLUDED,
            external_references=references,
        )
        bom.components.add(components[key])
    for key, node in nodes.items():
        inner = [components[one["pkg"]] for one in node["deps"]]
        if (source := carried(packages[key])) is not None:
            bom.components.add(source)
            bom.register_dependency(source, [])
            inner.append(source)
        bom.register_dependency(components[key], inner)
    return components[binary]


def desk(bom: Bom) -> Component:
    """Adds the packages of the desk, which the binary holds as built files; gives the desk."""
    lock = ROOT / "web/package-lock.json"
    text = run("npm", "sbom", "--package-lock-only", "--sbom-format", "cyclonedx", folder=lock.parent)
    part = Bom.from_json(json.loads(text))
    root = part.metadata.component
    root.name, root.scope = "banyan-desk", ComponentScope.REQUIRED
    bom.components.add(root)
    for component in part.components:
        development = any(one.name == "cdx:npm:package:development" for one in component.properties)
        component.scope = ComponentScope.EXCLUDED if development else ComponentScope.REQUIRED
        if component.name in WATERMARKED and not component.licenses:
            component.licenses = [BPMN_IO]
        elif component.name in UNSAID and not component.licenses:
            component.licenses = licence(UNSAID[component.name])
        bom.components.add(component)
    bom.dependencies.update(part.dependencies)
    return root


def faults(document: dict, text: str) -> list[str]:
    """What is wrong with the document: by its schema, by what it must say of each part, by what others count."""
    found = [f"schema: {error}" for error in JsonStrictValidator(SchemaVersion.V1_6).validate_str(text, all_errors=True) or []]
    components = document["components"]
    for one in components:
        terms = [entry.get("expression") or entry["license"].get("id") for entry in one.get("licenses", [])]
        if not terms or None in terms:
            found.append(f"{one['bom-ref']} has no licence known to SPDX")
        # Ours are not fetched from anywhere; what a crate carries is under that crate's sum.
        inside = one["name"].startswith("banyan") or one["purl"].startswith("pkg:generic/")
        if not one.get("hashes") and not inside:
            found.append(f"{one['bom-ref']} has no hash")
    refs = [one["bom-ref"] for one in components]
    found += [f"{ref} stands twice" for ref in sorted({ref for ref in refs if refs.count(ref) > 1})]
    known = {*refs, document["metadata"]["component"]["bom-ref"]}
    for one in document["dependencies"]:
        found += [f"{one['ref']} leads to {ref}, which is not there" for ref in one.get("dependsOn", []) if ref not in known]
    # Whether all is there is counted by what fetches it: cargo's lock file through its tree, npm's lock file.
    found += [f"{one} is linked and missing" for one in sorted(linked()) if f"pkg:cargo/{one}" not in refs]
    lock = json.loads((ROOT / "web/package-lock.json").read_text())["packages"]
    desk = {(path.split("node_modules/")[-1], one["version"]) for path, one in lock.items() if path}
    said = {(f"{one['group']}/" if one.get("group") else "") + one["name"] + "@" + one["version"] for one in components}
    found += [f"{name} {version} of the desk is missing" for name, version in sorted(desk) if f"{name}@{version}" not in said]
    return found


def main(target: str = "sbom.cdx.json") -> int:
    bom = Bom()
    binary = crates(bom)
    bom.register_dependency(binary, [desk(bom)])
    bom.metadata.component = Component(
        type=ComponentType.APPLICATION,
        name="banyan-platform",
        version=binary.version,
        bom_ref=f"banyan-platform@{binary.version}",
        licenses=[LICENCES.make_from_string("Apache-2.0")],
    )
    bom.register_dependency(bom.metadata.component, [binary])
    text = JsonV1Dot6(bom).output_as_string(indent=1)
    document = json.loads(text)
    if wrong := faults(document, text):
        print("\n".join(f"FAIL {fault}" for fault in wrong))
        return 1
    path = Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target") / target
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    components = document["components"]
    required = sum(one["scope"] == "required" for one in components)
    print(f"{path}: CycloneDX 1.6, {len(components)} components, {required} shipped, each with licence and hash")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
