#!/bin/sh
# Proves the container: builds it, scans the samples in it, and lets it watch an inbox until it is
# killed, without a network, with a root file system that nobody can write to.
#     scripts/container.sh [OPTION OF podman build ...]
# Options such as `--build-arg BASE=IMAGE` reach the build. It needs podman, as root or rootless.
set -eu
project=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
. "$project/scripts/proof.sh"
work=$(mktemp -d)
trap 'podman rm --force --time 0 --ignore cxr-edge-proof >/dev/null; rm -rf "$work"' EXIT
mkdir -m 0777 "$work/inbox" "$work/out"

podman build --quiet --format docker --file "$project/scripts/container/Containerfile" \
    --tag cxr-edge "$@" "$project"

# Run the container as docs/edge.md says, with options of `podman run` and words for it.
run() {
    podman run --read-only --read-only-tmpfs=false --tmpfs /tmp --network none --cap-drop all \
        --security-opt no-new-privileges \
        --volume "$work/inbox:/inbox" --volume "$work/out:/out" "$@"
}

echo "== user, and what it may write"
run --rm --no-healthcheck --entrypoint python cxr-edge -c '
import os
print("user", os.getuid(), "group", os.getgid())
cache = os.environ["XDG_CACHE_HOME"]
os.makedirs(cache)
for folder in ("/", "/opt/cxr", "/etc", "/out", "/tmp", cache):
    try:
        os.remove(os.open(f"{folder}/.try", os.O_CREAT) and f"{folder}/.try")
        print("can write to", folder)
    except OSError as exc:
        print("cannot write to", folder + ":", exc.strerror)
'
echo "== a scan of the samples"
with_bad_samples run --rm --no-healthcheck --volume "$project/samples:/samples:ro" cxr-edge \
    scan /samples --out /out/scan.csv
cut -d, -f1-4 "$work/out/scan.csv"

echo "== the watch of an inbox"
run --detach --name cxr-edge-proof cxr-edge >/dev/null
cp "$project/samples/phantom-normal.jpg" "$work/inbox/"
tries=60
until grep -q ',ok,' "$work"/out/2*.csv 2>/dev/null; do
    [ $((tries -= 1)) -gt 0 ] || { podman logs cxr-edge-proof >&2; exit 1; }
    sleep 1
done
cut -d, -f1-4 "$work"/out/2*.csv
podman exec cxr-edge-proof python /opt/cxr/health.py /out
podman healthcheck run cxr-edge-proof && echo "podman healthcheck: healthy"
podman kill cxr-edge-proof >/dev/null
echo "== killed; a minute later"
sleep 65
if run --rm --no-healthcheck --entrypoint python cxr-edge /opt/cxr/health.py /out; then
    echo "error: expected the health check to fail, got a success" >&2
    exit 1
fi
