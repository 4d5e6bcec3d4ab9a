#!/usr/bin/env bash
# Explore cheaply, investigate with a fallback, decide with an ensemble.
#   notebooks/examples/development_workflow.sh [TOPIC [THIS THAT]]
set -euo pipefail
topic=${1:-rate limiting} this=${2:-REST} that=${3:-GraphQL}

orchkit --prompt "How does $topic work?" --strategy cheapest
orchkit --prompt "Design a system for $topic" --strategy fallback
orchkit --prompt "Should we use $this or $that?" --strategy ensemble
