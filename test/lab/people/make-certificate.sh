#!/bin/sh
# Makes the home's self-signed certificate where there is none yet.
set -eu
export LC_ALL=C

main() {
  cd /var/lib/lab-page
  [ ! -e certificate.pem ] || return 0
  umask 077
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -days 30 -subj "/CN=example.org" \
    -addext "subjectAltName=DNS:example.org,DNS:*.example.org" -keyout key.pem -out certificate.new
  mv certificate.new certificate.pem
}

main "$@"
