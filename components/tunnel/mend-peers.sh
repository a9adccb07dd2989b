# shellcheck shell=bash
# Read by mend-host.sh: what WireGuard itself is set to, key by key and peer by peer, as its configuration says; on a
# relay also how often it calls each home.

# From mend-host.sh.
: "${interface:?}"
readonly config=/etc/wireguard/$interface.conf homes=/etc/homerelay/homes

look() {
  [ -f "$config" ] && [ -e "/sys/class/net/$interface" ] || return 0
  { cat "$config"; echo "[Live]"; wg showconf "$interface"; echo "[Homes]"; cat "$homes" 2>/dev/null || :; } | compare
}

# stdin: the configuration wanted; behind [Live] that in force; behind [Homes] `PUBLIC-KEY SECONDS` a line. What the
# configuration does not say may be anything: a home's own port, and where a relay's peers are.
compare() {
  awk '
    BEGIN { live = 0 }
    function tell(what, found, wanted) { print "peer\t" what "\t" found "\t" wanted }
    function sorted(list,    part, n, i, j, t, text) {
      gsub(/ /, "", list); n = split(list, part, ",")
      for (i = 2; i <= n; i++) for (j = i; j > 1 && part[j] < part[j - 1]; j--) { t = part[j]; part[j] = part[j - 1]; part[j - 1] = t }
      for (i = 1; i <= n; i++) text = text (i > 1 ? ", " : "") part[i]
      return text
    }
    $0 == "[Live]" { live = 1; next }
    $0 == "[Homes]" { of_homes = 1; live = 0; next }
    # mend-homes.sh turns it on and off; there may be none, but no other one.
    of_homes { if (($1, "PersistentKeepalive", 1) in value) value[$1, "PersistentKeepalive", 0] = $2; next }
    /^\[/ { peer = ""; next }
    / = / {
      key = $1; text = $0; sub(/^[^=]*= /, "", text)
      if (key == "PublicKey") { peer = text; known[peer, live ? "live" : "wanted"]; peers[peer]; next }
      if (key == "AllowedIPs") text = (((peer, key, live) in value) ? value[peer, key, live] "," : "") text
      value[peer, key, live] = text
    }
    END {
      names["PrivateKey"] = "private key"; names["PresharedKey"] = "preshared key"; names["ListenPort"] = "port"
      names["FwMark"] = "mark"; names["AllowedIPs"] = "allowed IPs"; names["Endpoint"] = "endpoint"
      names["PersistentKeepalive"] = "keepalive"
      look_at("", "the tunnel", "PrivateKey ListenPort FwMark")
      for (peer in peers) {
        if (!((peer, "wanted") in known)) { tell("peer " peer, "there", "missing"); continue }
        if (!((peer, "live") in known)) { tell("peer " peer, "missing", "there"); continue }
        look_at(peer, "peer " peer, "PresharedKey AllowedIPs Endpoint PersistentKeepalive")
      }
    }
    function look_at(peer, called, keys,    list, n, i, key, wanted, found) {
      n = split(keys, list, " ")
      for (i = 1; i <= n; i++) {
        key = list[i]; wanted = value[peer, key, 0]; found = value[peer, key, 1]
        if (key == "AllowedIPs") { wanted = sorted(wanted); found = sorted(found) }
        if (key == "FwMark") { wanted = tolower(wanted); found = tolower(found) }
        if (wanted == found) continue
        # Not said, or a name, which others look up.
        if (wanted == "" && key ~ /^(ListenPort|Endpoint|PersistentKeepalive)$/) continue
        if (key == "Endpoint" && wanted !~ /^([0-9.]+|\[[0-9a-f:.]+\]):[0-9]+$/) continue
        if (key ~ /^P.*Key$/) tell(names[key] " of " called, found == "" ? "missing" : "another", wanted == "" ? "none" : "the stack'"'"'s")
        else tell(names[key] " of " called, found == "" ? "missing" : found, wanted == "" ? "none" : wanted)
      }
    }'
}

# It takes a relay's keepalives away as well, which mend-homes.sh turns on again.
mend() {
  wg syncconf "$interface" <(wg-quick strip "$interface")
  # A mark that is not said is left as it is by that.
  wg set "$interface" fwmark "$(sed -n 's/^FwMark = //p' "$config" | grep . || echo off)"
}
