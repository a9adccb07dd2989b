#!/bin/bash
# Stands in for an sshd that likes its settings.
if [ "$1" = -T ]; then printf '%s\n' 'port 22' 'permitrootlogin yes' 'passwordauthentication no' 'kbdinteractiveauthentication no'; fi
