#!/bin/bash
# stdin: the ports that a relay publishes, `tcp 80-85` a line. Names each that another rule of this machine sends elsewhere
# already: so containers are published (podman, k3s, CNI's portmap, Docker), and nothing listens on those ports. A rule
# for addresses of other machines, as clusters have them, loses nothing.
set -euo pipefail
export LC_ALL=C

# Rules in nft's words, then in those of iptables, behind a line that says which. nft shows nothing of the older iptables,
# and of the newer one not all, but a machine may lack the command though some program brought its own.
list_rules() {
  local tool found=''
  nft list ruleset 2>/dev/null || : # it complains of extensions of iptables that it does not know
  for tool in iptables-save iptables-legacy-save ip6tables-save ip6tables-legacy-save; do
    if ! command -v "$tool" >/dev/null; then continue; fi
    found=yes
    echo "#iptables ${tool%%tables*}"
    "$tool" 2>/dev/null || : # a kernel without the older iptables
  done
  if [ -z "$found" ]; then echo "#no iptables"; fi
}

# Each translation that a packet from outside may meet: "PROTOCOL FIRST LAST PREFIXES TABLE/CHAIN". Its destination lies
# in all of the prefixes, which are joined by commas, or `any`.
#
# Rules are read as alternatives: what they ask of a packet, and where it goes then. What is not known here counts as
# asked and met. Then every way from where packets come in is walked, and what was asked on it is kept.
find_translations() {
  awk '
    # The rule that is being read: "count" alternatives.
    function begin() {
      count = 1; protocol[1] = "any"; first[1] = 1; last[1] = 65535; prefixes[1] = "any"; goal[1] = ""
      hides = 0
    }

    # Whether alternative I may have VALUE in FIELD; it has nothing else from then on.
    function meets(i, field, value,    ends) {
      if (field ~ /^(tcp|udp) /) {
        if (!meets(i, "protocol", substr(field, 1, 3))) return 0
        field = substr(field, 5)
      }
      if (field == "protocol") {
        sub(/^6$/, "tcp", value); sub(/^17$/, "udp", value)
        if (value !~ /^(tcp|udp)$/ || (protocol[i] != "any" && protocol[i] != value)) return 0
        protocol[i] = value
      } else if (field ~ /dport$/ && value ~ /^[0-9]+([-:][0-9]+)?$/) {
        if (split(value, ends, /[-:]/) == 1) ends[2] = ends[1]
        if (ends[1] + 0 > first[i]) first[i] = ends[1] + 0
        if (ends[2] + 0 < last[i]) last[i] = ends[2] + 0
        return first[i] <= last[i]
      } else if (field == "daddr" && value ~ /^[0-9a-f:.]+(\/[0-9]+)?$/)
        prefixes[i] = prefixes[i] == "any" ? value : prefixes[i] "," value
      else if (field == "iif") return value !~ /^(lo|homerelay)$/
      else if (field == "type") return value ~ /local/
      return 1
    }

    # Only packets of which FIELDS (joined by " . ") are among the elements (joined by commas), which in a map of verdicts
    # lead on: "80 : jump CHAIN".
    function ask(fields, elements, negated, leads,    names, parts, values, width, size, old, i, j, k, at, verdict, fits, o_protocol, o_first, o_last, o_prefixes) {
      width = split(fields, names, / \. /)
      size = split(elements, parts, /,/)
      if (negated) {
        if (width > 1 || size > 1) return
        if (fields == "type" && elements ~ /local/) { count = 0; return }
        if (fields !~ /dport$/ || elements !~ /^ *[0-9]+ *$/) return
        size = split("1-" (elements - 1) ",", parts, /,/)
        parts[2] = (elements + 1) "-65535"
      }
      old = count; count = 0
      for (i = 1; i <= old; i++) {
        o_protocol[i] = protocol[i]; o_first[i] = first[i]; o_last[i] = last[i]; o_prefixes[i] = prefixes[i]
      }
      for (i = 1; i <= old; i++)
        for (j = 1; j <= size; j++) {
          verdict = ""
          if ((at = index(parts[j], " : ")) > 0) verdict = substr(parts[j], at + 3)
          split(at > 0 ? substr(parts[j], 1, at) : parts[j], values, / \. /)
          if (leads && verdict !~ /(jump|goto) /) continue
          count++
          protocol[count] = o_protocol[i]; first[count] = o_first[i]; last[count] = o_last[i]
          prefixes[count] = o_prefixes[i]; goal[count] = ""
          if (leads) { sub(/.*(jump|goto) /, "", verdict); sub(/ .*/, "", verdict); goal[count] = table "/" verdict }
          fits = 1
          for (k = 1; k <= width && fits; k++) {
            sub(/^ +/, "", values[k]); sub(/ .*/, "", values[k])
            fits = meets(count, names[k], values[k])
          }
          if (!fits) count--
        }
    }

    # The rule is read; where no verdict of a map is, it leads to THERE: a chain, "translation", or nothing.
    function commit(chain, there,    i) {
      for (i = 1; i <= count; i++) {
        if (goal[i] == "" && there == "") continue
        at_rule = ++rules[chain]
        of_protocol[chain, at_rule] = protocol[i]; of_first[chain, at_rule] = first[i]; of_last[chain, at_rule] = last[i]
        of_prefixes[chain, at_rule] = prefixes[i]; of_hides[chain, at_rule] = hides
        of_goal[chain, at_rule] = goal[i] == "" ? there : goal[i]
      }
    }

    # The name of the field at token I, which moves on; nothing where there is none.
    function field_name(    name) {
      name = ""
      if (token[i] ~ /^(tcp|udp)$/ && token[i + 1] == "dport") name = token[i] " dport"
      else if (token[i] == "th" && token[i + 1] == "dport") name = "dport"
      else if (token[i] ~ /^ip6?$/ && token[i + 1] == "daddr") name = "daddr"
      else if (token[i] ~ /^ip6?$/ && token[i + 1] ~ /^(protocol|nexthdr)$/) name = "protocol"
      else if (token[i] == "meta" && token[i + 1] == "l4proto") name = "protocol"
      else if (token[i] ~ /^(ip6?|tcp|udp|th)$/ && token[i + 1] ~ /^(saddr|sport)$/) name = "other"
      if (name != "") { i += 2; return name }
      if (token[i] ~ /^iif(name)?$/) { i++; return "iif" }
      if (token[i] == "fib" && token[i + 1] == "daddr" && token[i + 2] == "type") { i += 3; return "type" }
      return ""
    }

    function read_nft(text, chain,    size, there, fields, name, operator, elements) {
      gsub(/(comment|prefix) "[^"]*"/, "", text); gsub(/"/, "", text); gsub(/[{},]/, " & ", text)
      sub(/^[ \t]+/, "", text); sub(/[ \t]+$/, "", text)
      size = split(text, token, /[ \t]+/)
      begin(); there = ""
      for (i = 1; i <= size; i++) {
        if (token[i] == "xt") {
          if (token[i + 1] == "target" && token[i + 2] ~ /^(DNAT|REDIRECT|NETMAP)$/) there = "translation"
          if (token[i + 1] == "match" && token[i + 2] ~ /^(tcp|udp|multiport|set)$/) hides = 1
          continue
        }
        if (token[i] ~ /^(jump|goto)$/) { there = table "/" token[i + 1]; break }
        if (token[i] ~ /^(dnat|redirect)$/) {
          there = "translation"
          while (i < size && token[i] != "to") i++
          continue
        }
        fields = ""
        while ((name = field_name()) != "") {
          fields = fields (fields == "" ? "" : " . ") name
          if (token[i] != ".") break
          i++
        }
        if (fields == "") continue
        operator = ""
        if (token[i] ~ /^(!=|==|map|vmap)$/) operator = token[i++]
        if (token[i] ~ /^@/) {
          name = substr(token[i], 2)
          if (!((table, name) in content)) {
            # Longer than is read here.
            if (fields ~ /dport/) hides = 1
            if (operator == "vmap") count = 0
            continue
          }
          elements = content[table, name]
        } else if (token[i] != "{") elements = token[i]
        else for (elements = ""; i < size && token[i + 1] != "}"; i++) elements = elements " " token[i + 1]
        ask(fields, elements, operator == "!=", operator == "vmap")
      }
      # Of what iptables has set, nft may leave out conditions, and a target too.
      if (no_iptables && table ~ /^ip6? nat$/ && there != "translation") {
        hides = 1
        if (there == "" && text ~ /counter packets [0-9]+ bytes [0-9]+$/) there = "translation"
      }
      commit(chain, there)
    }

    function read_iptables(text,    size, negated, there, chain) {
      gsub(/\\"/, "", text); gsub(/--comment ("[^"]*"|[^ ]+)/, "", text)
      size = split(text, token, / +/)
      begin(); there = ""; chain = table "/" token[2]
      for (i = 3; i <= size; i++) {
        negated = token[i] == "!"
        if (negated) i++
        if (token[i] == "-p") ask("protocol", token[i + 1], negated)
        else if (token[i] == "-d") ask("daddr", token[i + 1], negated)
        else if (token[i] == "-i") ask("iif", token[i + 1], negated)
        else if (token[i] ~ /^--(dports?|ports)$/) ask("dport", token[i + 1], negated)
        else if (token[i] == "--dst-type") ask("type", tolower(token[i + 1]), negated)
        else if (token[i] == "--match-set") hides = 1
        else if (token[i] ~ /^-[jg]$/)
          there = token[i + 1] ~ /^(DNAT|REDIRECT|NETMAP)$/ ? "translation" : table "/" token[i + 1]
      }
      commit(chain, there)
    }

    # All that is asked on the way to CHAIN, and from there on. Where something that is not shown was asked ("unsure"),
    # and no port, nothing is said.
    function walk(chain, p, a, b, where, unsure, depth,    r, q, c, d, w, u) {
      if (depth > 16 || (chain, p, a, b, where, unsure) in walked) return
      walked[chain, p, a, b, where, unsure] = 1
      for (r = 1; r <= rules[chain]; r++) {
        q = of_protocol[chain, r]
        if (q == "any") q = p
        else if (p != "any" && p != q) continue
        c = of_first[chain, r] > a ? of_first[chain, r] : a
        d = of_last[chain, r] < b ? of_last[chain, r] : b
        if (c > d) continue
        w = of_prefixes[chain, r]
        if (w == "any") w = where
        else if (where != "any") w = where "," w
        u = unsure || of_hides[chain, r]
        if (of_goal[chain, r] != "translation") walk(of_goal[chain, r], q, c, d, w, u, depth + 1)
        else if (c > 1 || d < 65535 || !u) {
          if (q != "udp") print "tcp", c, d, w, chain
          if (q != "tcp") print "udp", c, d, w, chain
        }
      }
    }

    # How many braces a line opens and does not close.
    function unclosed(line) { return gsub(/[{]/, "", line) - gsub(/[}]/, "", line) }

    $1 == "#no" { no_iptables = 1; next }
    $1 == "#iptables" { family = $2; next }
    family != "" {
      if (/^\*/) { table = family " " substr($0, 2); if ($0 == "*nat") bases[++base_count] = table "/PREROUTING" }
      if (/^-A / && table == family " nat") read_iptables($0)
      next
    }
    $1 == "table" { table = $2 " " $3; next }
    # Ours.
    table ~ /^inet homerelay/ { next }
    open > 0 {
      open += unclosed($0)
      if (++held_lines < 1000) held = held " " $0
      if (open > 0) next
    }
    /^\t(set|map) / { name = $2; next }
    /^\tchain / { chain = table "/" $2; next }
    /^\t}/ { name = chain = ""; next }
    name != "" && held == "" && $1 == "elements" {
      held = $0; held_lines = 0
      open = unclosed(held)
      if (open > 0) next
    }
    held_lines >= 1000 { held = ""; held_lines = 0; next }
    held != "" {
      gsub(/"[^"]*"/, "", held); sub(/^[^{]*[{]/, "", held); sub(/[}][^}]*$/, "", held); gsub(/[ \t]+/, " ", held)
      content[table, name] = held; held = ""
      next
    }
    chain != "" && /type nat hook prerouting/ { bases[++base_count] = chain; next }
    chain != "" { text[++text_count] = $0; text_chain[text_count] = chain; text_table[text_count] = table }

    # A rule may ask for a set that is listed after it.
    END {
      for (t = 1; t <= text_count; t++) { table = text_table[t]; read_nft(text[t], text_chain[t]) }
      for (t = 1; t <= base_count; t++) walk(bases[t], "any", 1, 65535, "any", 0, 0)
    }'
}

# Those (stdin) that are for an address of this machine, without the prefixes.
for_this_machine() {
  local protocol first last prefixes chain prefix here
  local -A holds=()
  while read -r protocol first last prefixes chain; do
    here=yes
    for prefix in ${prefixes//,/ }; do
      if [ "$prefix" = any ]; then continue; fi
      if [ -z "${holds[$prefix]-}" ]; then
        holds[$prefix]=no
        if [ -n "$(ip -o address show scope global to "$prefix")" ]; then holds[$prefix]=yes; fi
      fi
      if [ "${holds[$prefix]}" = no ]; then here=no; fi
    done
    if [ "$here" = yes ]; then echo "$protocol $first $last $chain"; fi
  done
}

main() {
  awk '
    NR == FNR { split($2, end, "-"); n++; protocol[n] = $1; first[n] = end[1]; last[n] = (2 in end) ? end[2] : end[1]; delete end; next }
    {
      chain = $0; sub("^.*/", "", chain)
      table = $0; sub("^[^ ]+ [^ ]+ [^ ]+ ", "", table); sub("/[^/]*$", "", table)
      for (i = 1; i <= n; i++) {
        a = $2 + 0 > first[i] + 0 ? $2 : first[i]; b = $3 + 0 < last[i] + 0 ? $3 : last[i]
        if ($1 != protocol[i] || a + 0 > b + 0) continue
        print "port " (a == b ? a : a "-" b) "/" $1 " is to be forwarded, and chain " chain " of the table " table " sends it elsewhere"
      }
    }' - <(list_rules | find_translations | for_this_machine | sort | sort -su -k 1,1 -k 2,2n -k 3,3n)
}

main
