#!/usr/bin/env bash
# Runs JOB for every operation, four at a time, each with its operation as JSON on stdin.
# What JOB has done is acknowledged. What it failed at is not, and comes again on the next run.
#
#   coprocess.bash JOB --url https://oplog.example.com/ --state position

job=$1
shift

coproc OPLOG { exec oplog-tail --output json --ack stdin "$@"; }
tail=$OPLOG_PID
# Copies, because background jobs do not get the coprocess's own descriptors.
exec {operations}<&"${OPLOG[0]}" {acks}>&"${OPLOG[1]}"

running=0
while IFS= read -r operation <&"$operations"; do
    if ((running == 4)); then
        wait -n
        ((running--))
    fi
    { "$job" <<<"$operation" && jq -r .id <<<"$operation" >&"$acks"; } &
    ((++running))
done
wait "$tail"
