"""``cxr bundle``: a model with everything that a machine without internet needs."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from cxr_edge.cli import panels
from cxr_edge.cli.choices import RuntimeName
from cxr_edge.cli.existing import existing
from cxr_edge.cli.model_argument import existing_model, find_package
from cxr_edge.cli.output_files import OverwriteOption, keep_existing
from cxr_edge.errors import UsageError
from cxr_edge.extras import needs_extra

if TYPE_CHECKING:
    from cxr_export.packaging.bundle.make import Made

_KEYGEN: Final = "keygen"
"""In place of a package: make keys; a folder of that name comes first."""

_RUNTIMES: Final = tuple(name.value for name in RuntimeName if name is not RuntimeName.AUTO)
_DEFAULT_RUNTIME: Final = "onnx"
_SMALLEST: Final = "litert"


def _package_or_keygen(param: typer.CallbackParam, value: str) -> str:
    return value if value == _KEYGEN else existing_model(param, value)


def bundle(
    package: Annotated[
        str,
        typer.Argument(
            metavar="PACKAGE",
            help="'default', a model package, an artefact in one, or 'keygen' to make a pair of "
            "keys for --sign.",
            show_default=False,
            is_eager=True,
            callback=_package_or_keygen,
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            "-o",
            metavar="BUNDLE",
            help="Folder to create, or one file if it ends in .zip. keygen: the private key; the "
            "public one gets .pub behind its name.",
            show_default=False,
            rich_help_panel=panels.OUTPUT,
        ),
    ],
    *,
    target: Annotated[
        str,
        typer.Option(
            "--platform",
            metavar="NAME",
            help="Machine that it is for: linux-aarch64 or linux-x86_64.",
            rich_help_panel=panels.INPUT,
        ),
    ] = "linux-aarch64",
    python: Annotated[
        str,
        typer.Option(
            metavar="VERSION",
            help="Version of Python on that machine.",
            rich_help_panel=panels.INPUT,
        ),
    ] = "3.11",
    runtimes: Annotated[
        str,
        typer.Option(
            metavar="NAMES",
            help=f"Runtimes to take, and only artefacts that they run: some of "
            f"{', '.join(_RUNTIMES)}, separated by commas.",
            show_default=_DEFAULT_RUNTIME,
            rich_help_panel=panels.MODEL,
        ),
    ] = "",
    minimal: Annotated[
        bool,
        typer.Option(
            "--minimal",
            help=f"The smallest runtime alone: --runtimes {_SMALLEST}.",
            rich_help_panel=panels.MODEL,
        ),
    ] = False,
    pacs: Annotated[
        bool,
        typer.Option(
            "--pacs",
            help="Also what cxr receive, cxr send and cxr sr need, and a systemd unit for cxr "
            "receive.",
            rich_help_panel=panels.INPUT,
        ),
    ] = False,
    constraints: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Versions of the wheels, as pip's constraints.",
            show_default="those that are installed here",
            callback=existing,
            rich_help_panel=panels.INPUT,
        ),
    ] = None,
    sign: Annotated[
        Path | None,
        typer.Option(
            metavar="KEY",
            help="Private key that signs it.",
            show_default=False,
            callback=existing,
            rich_help_panel=panels.SAFETY,
        ),
    ] = None,
    overwrite: OverwriteOption = False,
) -> None:
    """Make a bundle that installs cxr with a model on a machine without internet.

    It holds the wheels of that machine, the model, install.sh, a systemd unit for cxr watch, a bill
    of materials in CycloneDX, and SHA256SUMS with a signature. The installer needs only Python
    there, and no network. Anybody can check a bundle: cxr verify BUNDLE.

    To make a private key for --sign, and KEY.pub for those who check: cxr bundle keygen -o KEY.
    Needs the extra 'bundle', pip and an index of packages.
    """
    if package == _KEYGEN and not Path(package).exists():
        _write_keys(out, overwrite=overwrite)
        return
    if minimal and runtimes:
        raise UsageError("expected --minimal or --runtimes, got both")
    names = tuple((_SMALLEST if minimal else runtimes or _DEFAULT_RUNTIME).split(","))
    for name in names:
        if name not in _RUNTIMES:
            raise UsageError(f"--runtimes: expected some of {', '.join(_RUNTIMES)}, got {name!r}")
    keep_existing("--out", [out], overwrite=overwrite)
    with needs_extra("cxr bundle", "bundle"):
        from cxr_export.packaging.bundle.make import make_bundle
        from cxr_export.packaging.bundle.platforms import find_platform
        from cxr_export.packaging.bundle.request import BundleRequest

    folder, artefact = find_package(Path(package))
    machine = find_platform(target, python)
    wanted = BundleRequest(folder, machine, names, pacs, artefact, constraints, sign)
    made = make_bundle(wanted, out)
    for line in _summary(out, made):
        typer.echo(line)


def _write_keys(place: Path, *, overwrite: bool) -> None:
    public = place.with_name(f"{place.name}.pub")
    keep_existing("--out", [place, public], overwrite=overwrite)
    with needs_extra("cxr bundle", "bundle"):
        from cxr_edge.models.bundle.signature import fingerprint, new_keys
    from cxr_edge.storage.atomic import write_text_atomically

    secret, known = new_keys()
    place.unlink(missing_ok=True)
    place.touch(0o600)
    place.write_bytes(secret)
    write_text_atomically(public, known.decode())
    typer.echo(f"private key: {place}, for 'cxr bundle --sign'; keep it where nobody else reads it")
    typer.echo(f"public key: {public}, for 'install.sh --key' and 'cxr verify --key'; carry it to")
    typer.echo("the machines by another way than bundles")
    typer.echo(f"fingerprint: {fingerprint(known)}")


def _summary(out: Path, made: "Made") -> Iterator[str]:
    facts, wheels = made.content.facts, made.content.wheels
    yield (
        f"{out}: {made.size / 1e6:.0f} MB, at most {made.content.installed_bytes / 1e6:.0f} MB "
        f"installed; for {facts['platform']}, Python {facts['python']}, glibc {facts['glibc']} or "
        "newer"
    )
    yield f"model {facts['model']}: {', '.join(made.content.artefacts)}"
    largest = sorted(wheels.items(), key=lambda item: -item[1])[:5]
    sizes = ", ".join(f"{name} {size / 1e6:.0f} MB" for name, size in largest)
    yield f"{len(wheels)} wheels, the largest: {sizes}"
    if made.signed_by:
        yield f"signed by key {made.signed_by}"
    else:
        yield "not signed: it installs only with --unsigned; --sign KEY signs it"
