#!/usr/bin/env bash
# Builds the image (tag: $1, default flowsieve) where no registry of images can be reached: the
# Dockerfile as it is, on a base made of Debian's packages and the same version of Node from the npm
# registry. As root, with buildah, debootstrap and npm (image/install-tools.sh). That base is for
# trying things; what is published is built by `docker build .`.
set -euo pipefail
cd "$(dirname "$0")/.."
tag=${1:-flowsieve}
export STORAGE_DRIVER=vfs BUILDAH_ISOLATION=chroot

read -r version suite < <(sed -nE 's/^ARG NODE_IMAGE=node:([0-9.]+)-([a-z]+)-slim@.*/\1 \2/p' Dockerfile)
base=localhost/flowsieve-base:$version-$suite

make_base() {
  local work container machine
  work=$(mktemp -d)
  # shellcheck disable=SC2064 # the folder of now
  trap "rm -rf '$work'" EXIT
  machine=$(node -p process.arch)
  debootstrap --variant=minbase "$suite" "$work/root" >"$work/log" 2>&1 || {
    tail -n 20 "$work/log" >&2
    return 1
  }
  npm install --silent --no-audit --no-fund --prefix "$work/node" "node-linux-$machine@$version" npm@11
  cp "$work/node/node_modules/node-linux-$machine/bin/node" "$work/root/usr/local/bin/node"
  mkdir -p "$work/root/usr/local/lib/node_modules"
  cp -r "$work/node/node_modules/npm" "$work/root/usr/local/lib/node_modules/npm"
  ln -s ../lib/node_modules/npm/bin/npm-cli.js "$work/root/usr/local/bin/npm"
  ln -s ../lib/node_modules/npm/bin/npx-cli.js "$work/root/usr/local/bin/npx"
  rm -rf "$work/root/var/cache/apt" "$work/root/var/lib/apt/lists"
  container=$(buildah from scratch)
  buildah copy --quiet "$container" "$work/root" / >/dev/null
  buildah commit --quiet --rm "$container" "$base" >/dev/null
  rm -rf "$work"
}

if ! buildah inspect --type image "$base" >/dev/null 2>&1; then
  echo "making $base"
  make_base
fi
options=(--layers=false --build-arg "NODE_IMAGE=$base")
# npm in the build sees what npm sees here: its settings, and the authorities it trusts.
settings=$(mktemp)
trap 'rm -f "$settings"' EXIT
user=${NPM_CONFIG_USERCONFIG:-$HOME/.npmrc}
if [ -e "$user" ]; then cat "$user" >"$settings"; fi
authorities=$(npm config get cafile 2>/dev/null)
if [ "$authorities" != null ]; then
  printf '\ncafile=/authorities.crt\n' >>"$settings"
  options+=(--volume "$(realpath "$authorities"):/authorities.crt:ro")
fi
buildah build "${options[@]}" --secret "id=npmrc,src=$settings" --tag "$tag" .
