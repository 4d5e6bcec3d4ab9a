#!/usr/bin/env bash
# Classify a text cheaply, then analyze it for half a cent at most. The text is piped in, so it may be
# long and hold whatever it likes; step1.json and step2.json keep the whole results.
#   notebooks/examples/cost_conscious_pipeline.sh [FOLDER] < ticket.txt
set -euo pipefail
folder=${1:-.}
text=$(cat)

orchkit --prompt - --strategy cheapest --output "$folder/step1.json" <<< "Classify: $text"
orchkit --prompt - --strategy fallback --max-cost 0.005 --output "$folder/step2.json" \
  <<< "Analyze: $text"

for step in step1 step2; do
  cost=$(jq -r .cost "$folder/$step.json")
  LC_ALL=C printf '%s: %s, $%.6f\n' "$step" "$(jq -r .model_used "$folder/$step.json")" "$cost"
done
