#!/bin/sh
# Makes what the containers of docker-compose.yml show each other, once: later starts find it and leave it as it is.
#
# Nobody has to choose, type or know these passwords, none is in a file of the repository, and none is the same in two
# installations. They live in the volume `credentials`, which only the module and the two servers mount, read-only.
# A volume of data belongs to its password: remove both (docker-compose down --volumes) or neither.
set -eu
folder=${1:-/run/credentials}
umask 022

# secret NAME: 48 hexadecimal digits, which need no escaping in a URL. Complete or absent: a crash leaves no half.
secret() {
  [ -s "$folder/$1" ] || {
    head -c 24 /dev/urandom | od -An -v -tx1 | tr -d ' \n' >"$folder/.$1"
    mv "$folder/.$1" "$folder/$1"
  }
  cat "$folder/$1"
}

# keep NAME TEXT
keep() {
  printf '%s\n' "$2" >"$folder/.$1"
  mv "$folder/.$1" "$folder/$1"
}

postgres_password=$(secret postgres_password)
redis_password=$(secret redis_password)
keep database_url "postgresql://discord_action:$postgres_password@postgres:5432/discord_actions"
keep redis_url "redis://:$redis_password@valkey:6379/0"
keep valkey.conf "requirepass $redis_password"
