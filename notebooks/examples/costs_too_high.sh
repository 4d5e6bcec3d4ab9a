#!/usr/bin/env bash
# Costs too high? What each remedy makes of an ensemble of three, and what was really spent.
#   notebooks/examples/costs_too_high.sh [PROMPT]
set -euo pipefail
prompt=${1:-Explain how tides work}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

cost() {
  orchkit --prompt - --output "$folder/result.json" "$@" <<< "$prompt" > "$folder/answer.txt"
  LC_ALL=C printf '$%.6f  %s\n' "$(jq -r .cost "$folder/result.json")" "$*"
}

cost --strategy ensemble
cost --strategy ensemble --ensemble-size 2
cost --strategy fallback --max-cost 0.01
cost --strategy cheapest
orchkit costs report --category orchestration --by strategy
