#!/usr/bin/env bash
# Builds the image offline and runs it: version, the container contract, the demo, user, size.
# As root, after image/install-tools.sh. Takes minutes.
set -euo pipefail
cd "$(dirname "$0")/.."
export STORAGE_DRIVER=vfs BUILDAH_ISOLATION=chroot
image=localhost/flowsieve:check

image/build-offline.sh "$image"
container=$(buildah from "$image")
trap 'buildah rm "$container" >/dev/null' EXIT
inside() { buildah run "$container" -- /usr/local/bin/node "$@"; }
flowsieve() { inside /app/dist/launch/container.js "$@"; }

version=$(node -p 'require("./package.json").version')
[ "$(flowsieve --version)" = "$version" ] || { echo "the image is not version $version"; exit 1; }
[ "$(inside -p 'process.getuid()')" = 65532 ] || { echo 'the image runs as another user'; exit 1; }

# Nobody listens there: what counts is that a worker tried.
if answer=$(timeout 120 buildah run "$container" -- /usr/local/bin/node \
  /app/dist/launch/container.js --id=1 --provision_endpoint=127.0.0.1:1 2>&1); then
  echo 'a worker without an engine ended well'
  exit 1
fi
case $answer in
*'unknown command'*)
  echo "no worker was started: $answer"
  exit 1
  ;;
esac

flowsieve demo >/dev/null
kilobytes=$(du -sk --apparent-size "$(buildah mount "$container")"/{app,etc,lib,lib64,usr,var} | awk '{ sum += $1 } END { print sum }')
echo "the image has $((kilobytes / 1000)) MB"
[ "$kilobytes" -lt 190000 ] || { echo 'more than 190 MB'; exit 1; }
