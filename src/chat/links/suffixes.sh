#!/bin/sh
# Prints the table suffixes.txt from the rules of the public suffix list: `sh suffixes.sh RULES > suffixes.txt`.
#
# RULES is `data/rules.txt` of the crate `psl`, or `public_suffix_list.dat` itself. The table has one top-level suffix of the ICANN
# section a line, in the order of its bytes. A `*` after it says that names are registered below its second level only (`*.ck`).
set -eu
tr -d '\r' < "$1" | sed '/===BEGIN PRIVATE DOMAINS===/,$d; /^\/\//d' | LC_ALL=C awk '
    NF && $1 !~ /\./ { print $1 }
    $1 ~ /^\*\.[^.]+$/ { print substr($1, 3) "*" }
' | LC_ALL=C sort
