#!/usr/bin/env bash
# The README's two commands in a bare Debian root (git, make, python3-venv and what they
# depend on), as root and as an ordinary user, each twice in a row.
#
#   tools/bare_root.sh [root] [newcomer]      both of them, unless one is named
#
# PYTEST_ARGS goes to `make test`; SUITE and MIRROR to mmdebstrap. It takes root, and a
# Debian with mmdebstrap, iproute2 and curl; the network is open for the first command
# alone, which fetches the packages, and after it there is nothing but loopback.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

SUITE=${SUITE:-bookworm}
WHO=("${@:-root}")
[ $# -gt 0 ] || WHO=(root newcomer)
say() { printf '\n== %s\n' "$*"; }

[ "$(id -u)" = 0 ] || { echo "It takes root to make a root." >&2; exit 2; }
for name in mmdebstrap ip curl unshare; do
    type -P "$name" >/dev/null || { echo "$name is missing: apt install mmdebstrap iproute2 curl" >&2; exit 2; }
done

WORK=$(mktemp -d /var/tmp/bare.XXXXXX)
export ROOT=$WORK/root
trap 'rm -rf --one-file-system "$WORK"' EXIT
chmod 755 "$WORK"

say "A bare $SUITE in $ROOT"
mmdebstrap --quiet --variant=minbase --include=git,make,python3-venv "$SUITE" "$ROOT" ${MIRROR:+"$MIRROR"}

# Where pip finds packages is the business of the machine: its settings become those of
# the root, and the files that they name are there to be read.
python3 -m pip config list | python3 -c '
import ast, pathlib, re, sys
found = {}
for line in sys.stdin:
    key, _, value = line.partition("=")
    found[key.rpartition(".")[2]] = ast.literal_eval(value)
lines = ["[global]", *("%s = %s" % (k, " ".join(v.split())) for k, v in found.items())]
pathlib.Path(sys.argv[1], "etc/pip.conf").write_text("\n".join(lines) + "\n")
for word in " ".join(found.values()).split():
    path = pathlib.Path(re.sub("^file://", "", word))
    if path.is_absolute() and path.exists():
        # The pages of an index name files beside it.
        print(path.parent if word.startswith("file://") else path)
' "$ROOT" | sort -u >"$WORK/lent"
export LENT=$WORK/lent
while read -r path; do
    if [ -d "$path" ]; then mkdir -p "$ROOT$path"; else install -D /dev/null "$ROOT$path"; fi
done <"$LENT"
cp --dereference /etc/resolv.conf /etc/hosts "$ROOT/etc/"
chroot "$ROOT" useradd --create-home --shell /bin/bash newcomer

# Run commands of bash beside the root, where as_somebody enters it as $1: processes and
# mounts of their own, and a network of its own where $2 is loopback.
beside() {
    local who=$1 net=() commands=$3
    [ "$2" = all ] || net=(--net)
    WHO=$who unshare --mount --mount-proc --pid --fork --kill-child "${net[@]}" bash -euo pipefail -c '
        ip link set lo up
        mount --rbind /dev "$ROOT/dev"
        mount -t proc proc "$ROOT/proc"
        mount -t sysfs -o ro sysfs "$ROOT/sys" 2>/dev/null || mount --rbind -o ro /sys "$ROOT/sys"
        while read -r path; do mount --bind -o ro "$path" "$ROOT$path"; done <"$LENT"
        as_somebody() { exec env -i TERM=dumb /usr/sbin/chroot "$ROOT" su - "$WHO" -c "$1"; }
        # Serve until the line that the first answer promises has been answered.
        first_sms() {
            (as_somebody "exec make --no-print-directory -C clone serve ARGS=\"$1\"") >"$ROOT/said" 2>&1 &
            local server=$! answer
            for _ in $(seq 3000); do
                grep -q "^curl " "$ROOT/said" && break
                kill -0 "$server" 2>/dev/null || break
                sleep 0.1
            done
            cat "$ROOT/said"
            answer=$(eval "$(grep "^curl " "$ROOT/said") --silent --show-error")
            echo "$answer"
            grep -q "Completado" <<<"$answer"
            # The only processes here are those of this block.
            kill "$(pgrep -n -f "^[^ ]*python[^ ]* [^ ]*[s]msclouds-emulator serve")"
            wait "$server"
        }
    '"$commands"
}

for who in "${WHO[@]}"; do
    home=$(chroot "$ROOT" sh -c "eval echo ~$who")
    git -c safe.directory='*' clone -q --no-hardlinks . "$ROOT$home/clone"
    chroot "$ROOT" chown -R "$who" "$home/clone"
    touch "$WORK/began"
    say "$who: make serve, which sets everything up"
    beside "$who" all 'first_sms "--port 0 --smpp-port 0"'
    say "$who: make test"
    beside "$who" loopback '(as_somebody "make -C clone test PYTEST_ARGS='"'${PYTEST_ARGS:-}'"'")'
    say "$who: make serve, once more"
    beside "$who" loopback 'first_sms ""'
    say "$who: make test, once more"
    beside "$who" loopback '(as_somebody "make -C clone test PYTEST_ARGS='"'${PYTEST_ARGS:-}'"'")'
    say "$who: written outside of the clone, pip's cache and the temporary folders"
    found=$(cd "$ROOT" && find . -xdev \( -path ./proc -o -path ./sys -o -path ./dev -o -path ./tmp \
        -o -path ./var/tmp -o -path "./${home#/}/clone" -o -path "./${home#/}/.cache/pip" \) -prune \
        -o -newer "$WORK/began" ! -type d ! -path ./said -print)
    [ -z "$found" ] || { echo "$found"; exit 1; }
    left=$(git -c safe.directory='*' -C "$ROOT$home/clone" status --porcelain)
    [ -z "$left" ] || { echo "In the clone, beside what git ignores:"; echo "$left"; exit 1; }
    echo "nothing"
done
