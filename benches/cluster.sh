#!/usr/bin/env bash
# How long a table takes in one process and with 1, 2 and 4 workers, each pinned to a core; medians of three runs.
#
#   benches/cluster.sh target/release/squall PROJECT spike_features
#
# PROJECT is a folder with squall.toml and landed ticks. docs/performance.md has what it printed.
set -euo pipefail
squall=$(realpath "$1")
cd "$2"
query=$3
cores=$(nproc)
processes=()

stop() {
  [ ${#processes[@]} -eq 0 ] || kill "${processes[@]}" 2>/dev/null || true
  processes=()
  wait
}
trap stop EXIT

# Prints the median of three runs of a command.
median() {
  local name=$1 times=()
  shift
  for _ in 1 2 3; do
    local begin=$EPOCHREALTIME
    "$@" run "$query" --full >/dev/null
    times+=("$(python3 -c "print(f'{$EPOCHREALTIME - $begin:.2f}')")")
  done
  printf '%-40s %s s\n' "$name" "$(printf '%s\n' "${times[@]}" | sort -n | sed -n 2p)"
}

# Starts workers of one thread each, and sets `addresses`.
workers() {
  addresses=''
  for index in $(seq 0 $(($1 - 1))); do
    local said
    said=$(mktemp)
    taskset -c $((index % cores)) "$squall" --set engine.threads=1 worker --listen 127.0.0.1:0 >"$said" &
    processes+=($!)
    until grep -q 'working on' "$said"; do sleep 0.1; done
    addresses+=${addresses:+,}$(sed 's/working on //' "$said")
    rm "$said"
  done
}

median 'one process, one thread on one core' taskset -c 0 "$squall" -q --set engine.threads=1
median "one process, $cores threads" "$squall" -q
workers 1
median 'one worker, and who asks, on one core' taskset -c 0 "$squall" -q --workers "$addresses"
median 'one worker' "$squall" -q --workers "$addresses"
stop
for count in 2 4; do
  workers $count
  median "$count workers" "$squall" -q --workers "$addresses"
  stop
done
