#!/usr/bin/env bash
# Low confidence? Go through the remedies until one is sure enough, and print its answer.
#   notebooks/examples/low_confidence.sh [PROMPT [CONFIDENCE]]
set -euo pipefail
prompt=${1:-Explain how tides work} enough=${2:-0.9}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

sure() {
  orchkit --prompt - --output "$folder/result.json" "$@" <<< "$prompt" > "$folder/answer.txt" \
    || exit $? # what failed is no matter of confidence
  confidence=$(jq -r .confidence "$folder/result.json")
  echo "$confidence  $*" >&2
  awk -v is="$confidence" -v enough="$enough" 'BEGIN { exit !(is + 0 >= enough + 0) }'
}

sure --strategy cheapest \
  || sure --strategy fallback --threshold "$enough" \
  || sure --strategy ensemble \
  || sure --strategy fallback --chain claude-sonnet-3.5,claude-opus-3 \
  || echo "none was as sure as $enough; this is the last answer" >&2
cat "$folder/answer.txt"
