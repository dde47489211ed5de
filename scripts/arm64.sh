#!/bin/sh
# Proves an aarch64 bundle on an x86-64 machine: installs it in an arm64 Debian root without a
# network, under QEMU's user-mode emulation, scans the samples there, and compares the reports with
# those that this machine makes of the same artefacts.
#     scripts/arm64.sh [FOLDER]
# FOLDER, build/arm64 by default, keeps what is made; the root is made once. It needs Debian 12 with
# `unshare`, and this project's `cxr`, with the extra `bundle`, and `python` on the PATH. Nothing is
# installed on the machine, and root is not needed. Emulation proves results, not speed.
set -eu
project=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
work=${1:-$project/build/arm64}
mkdir -p "$work/home" "$work/apt/lists/partial" "$work/apt/archives/partial"
work=$(CDPATH='' cd -- "$work" && pwd)
root=$work/root
. "$project/scripts/proof.sh"

# A private state of apt: the machine's own sources, another architecture, nothing installed.
apt_arm64() {
    : > "$work/apt/status"
    apt-get -qq -o APT::Architecture=arm64 -o APT::Architectures::=arm64 \
        -o APT::Architectures::="$(dpkg --print-architecture)" -o APT::Sandbox::User= \
        -o Dir::State="$work/apt" -o Dir::State::lists="$work/apt/lists" \
        -o Dir::State::status="$work/apt/status" -o Dir::Cache="$work/apt" "$@"
}

if [ ! -x "$work/qemu-aarch64-static" ]; then
    echo "making an arm64 root"
    apt_arm64 update
    apt_arm64 install --yes --download-only --no-install-recommends python3.11 libstdc++6
    (cd "$work/apt" && apt_arm64 download "qemu-user-static:$(dpkg --print-architecture)")
    rm -rf "$root" && mkdir -p "$root/proc"
    for package in "$work"/apt/archives/*_arm64.deb "$work"/apt/archives/*_all.deb; do
        [ ! -e "$package" ] || dpkg --extract "$package" "$root"
    done
    dpkg --fsys-tarfile "$work"/apt/qemu-user-static_*.deb |
        tar -x -C "$work" --strip-components=3 ./usr/bin/qemu-aarch64-static
fi

# onnxruntime dies of a segmentation fault where it reads an x86 /proc/cpuinfo.
seq 0 $(($(nproc) - 1)) | while read -r cpu; do
    printf 'processor\t: %s\nBogoMIPS\t: 108.00\n' "$cpu"
    printf 'Features\t: fp asimd evtstrm aes pmull sha1 sha2 crc32 cpuid\n'
    printf 'CPU implementer\t: 0x41\nCPU architecture: 8\nCPU variant\t: 0x0\nCPU part\t: 0xd08\n'
    printf 'CPU revision\t: 3\n\n'
done > "$root/proc/cpuinfo"

# The kernel cannot run arm64 programs, but scripts: so Python is a script, which venv links to. The
# default CPU of QEMU makes numpy warn.
PYTHON=$root/usr/bin/python3.11
[ -e "$PYTHON.arm64" ] || mv "$PYTHON" "$PYTHON.arm64"
cat > "$PYTHON" <<END
#!/bin/sh
exec "$work/qemu-aarch64-static" -cpu cortex-a72 -L "$root" -0 "\$0" "$PYTHON.arm64" "\$@"
END
chmod +x "$PYTHON"

cxr bundle keygen -o "$work/site.key" --overwrite
cxr bundle default -o "$work/bundle" --platform linux-aarch64 --runtimes onnx,litert \
    --sign "$work/site.key" --constraints "$project/constraints.txt" --overwrite
require_no_network
no_network "$PYTHON" -c 'import platform as p; print(p.machine(), *p.libc_ver(), p.python_version())'
rm -rf "$root/opt/cxr-edge"
no_network sh "$work/bundle/install.sh" --to "$root/opt/cxr-edge" --key "$work/site.key.pub"

no_network "$root/opt/cxr-edge/venv/bin/cxr" verify "$work/bundle" --key "$work/site.key.pub"
rm -rf "$work/here" "$work/there"
mkdir "$work/here" "$work/there"
for artefact in model.onnx model.int8.onnx model.tflite model.int8.tflite; do
    model=$root/opt/cxr-edge/model/$artefact
    set -- scan "$project/samples" --model "$model" --quiet
    with_bad_samples cxr "$@" --out "$work/here/$artefact.csv"
    with_bad_samples no_network "$root/opt/cxr-edge/venv/bin/cxr" "$@" \
        --out "$work/there/$artefact.csv"
done
python "$project/scripts/compare_reports.py" "$work/here" "$work/there"
python "$project/scripts/installed_size.py" "$root/opt/cxr-edge"
