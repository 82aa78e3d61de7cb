#!/bin/sh
# Runs JOB for every operation, four at a time, each with its operation as JSON on stdin.
# What JOB has done is acknowledged. What it failed at is not, and comes again on the next run.
#
#   fifo.sh JOB --url https://oplog.example.com/ --state position

job=$1
shift
folder=$(mktemp -d) || exit
trap 'rm -r "$folder"' EXIT
trap 'exit 129' HUP INT TERM
mkfifo "$folder/acks" "$folder/slots"

# Four lines in a pipe: a job takes one when it starts and puts it back when it is done.
exec 3<>"$folder/slots" 4>&1
printf '\n\n\n\n' >&3

# Opening one end of a FIFO waits for the other end. Here the two sides of the pipeline do it,
# which run at the same time; one shell opening both in turn would wait for ever.
{
    oplog-tail --output json --ack stdin "$@" <"$folder/acks" 3>&- 4>&-
    echo $? >"$folder/status"
} | {
    while IFS= read -r operation; do
        read -r _ <&3
        {
            printf '%s\n' "$operation" | "$job" >&4 && printf '%s\n' "$operation" | jq -r .id
            echo >&3
        } &
    done
    wait
} >"$folder/acks"
exit "$(cat "$folder/status")"
