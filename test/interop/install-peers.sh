#!/usr/bin/env bash
# Installs the foreign clients and servers that the tests talk to, on Debian 12, as root. No service is started by it. Heimdal cannot be
# installed beside MIT's client, so it is unpacked into a folder of its own: $REALMWARD_HEIMDAL, /opt/realmward-peers/heimdal by default.
set -euo pipefail

heimdal=${REALMWARD_HEIMDAL:-/opt/realmward-peers/heimdal}
packages=(
  krb5-user krb5-pkinit krb5-k5tls krb5-kdc krb5-admin-server # MIT
  faketime tshark curl openssl                               # a wrong clock, a decoder, HTTP, certificates
  apache2 libapache2-mod-auth-gssapi                         # acceptors
  openssh-server openssh-client
  openjdk-17-jdk-headless                                    # Java
  python3 python3-impacket python3-gssapi python3-cryptography python3-kdcproxy
  samba samba-dsdb-modules samba-ad-provision python3-samba  # an Active Directory domain controller
  chromium
  systemd                                                    # systemd-analyze, for packaging/
)

[ "$(id -u)" = 0 ] || { echo "install-peers.sh installs Debian packages: run it as root" >&2; exit 1; }
export DEBIAN_FRONTEND=noninteractive LC_ALL=C

scratch=$(mktemp -d)
policy=/usr/sbin/policy-rc.d
clean_up() {
  rm -rf "$scratch"
  [ -z "${policy_is_ours:-}" ] || rm -f "$policy"
}
trap clean_up EXIT

# Debian's maintainer scripts ask this file whether they may start a service; 101 is no.
if [ ! -e "$policy" ]; then
  policy_is_ours=yes
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod 755 "$policy"
fi

retry() {
  for pause in 5 20 60; do
    "$@" && return
    echo "once more in $pause s: $*" >&2
    sleep "$pause"
  done
  "$@"
}

retry apt-get update -q
retry apt-get install -y -q --no-install-recommends "${packages[@]}"

# What an installation of Heimdal would add here: its own packages, and the libraries that nothing else has brought yet.
mapfile -t wanted < <(apt-get install -s --no-install-recommends heimdal-clients heimdal-kdc | awk '$1 == "Inst" { print $2 }')
(cd "$scratch" && retry apt-get download -q -o APT::Sandbox::User=root "${wanted[@]}")
rm -rf "$heimdal"
mkdir -p "$heimdal"
for package in "$scratch"/*.deb; do dpkg -x "$package" "$heimdal"; done

libraries=$(dirname "$(find "$heimdal" -name 'libkrb5.so.26' | head -n 1)")
for program in "$heimdal"/usr/bin/{kinit.heimdal,kgetcred,heimtools} "$heimdal"/usr/lib/heimdal-servers/kdc; do
  if missing=$(LD_LIBRARY_PATH=$libraries ldd "$program" | grep 'not found'); then
    printf 'Heimdal is incomplete: %s lacks\n%s\n' "$program" "$missing" >&2
    exit 1
  fi
done
echo "Heimdal is in $heimdal"
