# What the proofs of bundles share, sourced by them: commands without a network, and of bad samples.

# Run a command where there is no network but loopback, and nothing of the caller's environment,
# such as settings of pip, but the Python of `install.sh`.
no_network() {
    private=$([ "$(id -u)" -eq 0 ] || echo --map-root-user)
    # shellcheck disable=SC2086  (one word or none)
    env -i PATH=/usr/bin:/bin HOME="$work/home" LC_ALL=C.UTF-8 PYTHON="$PYTHON" \
        unshare $private --net -- "$@"
}

# Print the network interfaces that a command sees there, which must be the loopback alone.
require_no_network() {
    seen=$(no_network awk -F: 'NR > 2 { gsub(/ /, "", $1); print $1 }' /proc/net/dev)
    [ "$seen" = lo ] || { echo "error: expected the interface lo alone, got $seen" >&2; exit 1; }
    echo "network interfaces: $seen"
}

# Run a scan of the samples, two of which are bad, so that exit code 3 is right.
with_bad_samples() {
    code=0
    "$@" || code=$?
    [ "$code" -eq 3 ] || { echo "error: expected exit code 3, got $code" >&2; exit 1; }
}
