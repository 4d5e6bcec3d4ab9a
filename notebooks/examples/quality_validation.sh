#!/usr/bin/env bash
# Write with one model, review with several: the review is asked about the draft's text alone.
#   notebooks/examples/quality_validation.sh [FOLDER] < code.py
set -euo pipefail
folder=${1:-.}
code=$(cat)

orchkit --prompt - --strategy cheapest --output "$folder/draft.json" \
  <<< "Write documentation for $code"
draft=$(jq -r .response "$folder/draft.json")
orchkit --prompt - --strategy ensemble --output "$folder/final.json" \
  <<< "Review this documentation: $draft"
echo "confidence of the review: $(jq -r .confidence "$folder/final.json")"
