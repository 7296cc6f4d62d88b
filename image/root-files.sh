#!/bin/sh
# Makes the root of the final image in the folder $1: node, the shared libraries that it names, the
# records that say which Debian packages these are (scanners read status.d), and a user. No shell.
set -eu
root=$1
node=$(command -v node)

mkdir -p "$root/usr/local/bin" "$root/etc" "$root/tmp" "$root/data" "$root/var/lib/dpkg/status.d"
cp "$node" "$root/usr/local/bin/node"
ldd "$node" | grep -o '/[^ ]*' | sort -u >"$root/libraries"
while read -r library; do
  mkdir -p "$root$(dirname "$library")"
  cp -L "$library" "$root$library"
  # dpkg knows files of merged folders by one of their two names.
  for name in "$library" "/usr$library" "${library#/usr}"; do
    dpkg-query --search "$name" 2>/dev/null || true
  done
done <"$root/libraries" | sed 's/:.*//' | sort -u >"$root/packages"
[ -s "$root/packages" ] || { echo 'no package owns the libraries of node' >&2; exit 1; }
while read -r package; do
  dpkg-query --status "$package" >"$root/var/lib/dpkg/status.d/$package"
  mkdir -p "$root/usr/share/doc/$package"
  # Slim bases leave the documentation out, but for this.
  cp -L "/usr/share/doc/$package/copyright" "$root/usr/share/doc/$package/"
done <"$root/packages"
rm "$root/libraries" "$root/packages"

echo 'flowsieve:x:65532:65532:flowsieve:/data:/sbin/nologin' >"$root/etc/passwd"
echo 'flowsieve:x:65532:' >"$root/etc/group"
echo 'hosts: files dns' >"$root/etc/nsswitch.conf"
chmod 1777 "$root/tmp"
chown 65532:65532 "$root/data"
