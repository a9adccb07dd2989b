#!/bin/sh
# Runs on the operator's machine, by `npm run -s home NAME`: prints the script that sets a home up by hand, as the last
# `pulumi up` made it. Arguments: the home's name, and `wireguard` for the plain configuration instead.
set -eu

# Node has the parser for what pulumi prints, and no other tool has to be there.
# shellcheck disable=SC2016 # `name` and the like are JavaScript's
readonly pick='
  const [name = "", part = "script"] = process.argv.slice(1);
  const text = require("fs").readFileSync(0, "utf8");
  const homes = text === "" ? {} : JSON.parse(text);
  const found = homes[name]?.[part];
  if (found === undefined) {
    const known = Object.keys(homes).join(", ") || "none";
    console.error(`usage: npm run -s home NAME [wireguard]; homes with install: manual: ${known}`);
    process.exit(2);
  }
  process.stdout.write(found);'

pulumi stack output manual --show-secrets --json | node -e "$pick" -- "$@"
