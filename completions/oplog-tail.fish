complete -c oplog-tail -s u -l url -d 'The server; repeat it for several agents' -r -f
complete -c oplog-tail -l types -d 'Only objects of these types' -r -f
complete -c oplog-tail -l parents -d 'Only objects with one of these parents' -r -f
complete -c oplog-tail -s s -l state -l state-file -d 'Keep the position in FILE' -r -F
complete -c oplog-tail -l start-id -d 'Start here: now, 0 or an id [default: now]' -r -f
complete -c oplog-tail -l since -d 'First print the objects changed since WHEN (2h, 10:00)' -r -f
complete -c oplog-tail -l on-resume-failed -d 'continue, replicate or exit [default: continue]' -r -f -a "continue\t'Take the states the server falls back to'
replicate\t'Start a full replication instead'
exit\t'Give up'"
complete -c oplog-tail -l ack -d 'Acknowledge: auto, stdin or none [default: auto]' -r -f -a "auto\t'Once their line has been written'
stdin\t'By id, on stdin'
none\t'Never; the state file is left alone'"
complete -c oplog-tail -l max-in-flight -d 'Maximum unacknowledged lines [default: 1000]' -r -f
complete -c oplog-tail -s n -l count -d 'Stop after N lines' -r -f
complete -c oplog-tail -l until -d 'Stop when all before WHEN is printed' -r -f
complete -c oplog-tail -l until-idle -d 'Stop after DUR (5s, 1h30m) without an operation' -r -f
complete -c oplog-tail -l timeout -d 'Stop after DUR in any case' -r -f
complete -c oplog-tail -s o -l output -d 'Format: auto, text or json [default: auto]' -r -f -a "auto\t'Text on a terminal, else JSON'
text\t'For people'
json\t'For programs'"
complete -c oplog-tail -l color -d 'Colour: auto, always or never [default: auto]' -r -f -a "auto\t'On a terminal, unless the environment says otherwise'
always\t'Everywhere'
never\t'Nowhere'"
complete -c oplog-tail -l on-invalid -d 'skip or exit [default: skip]' -r -f -a "skip\t'Show it on stderr and go on'
exit\t'Show it on stderr and end the run'"
complete -c oplog-tail -l password -d 'The password; others can see it in ps' -r -f
complete -c oplog-tail -l password-file -d 'Read the password from a file; - is stdin' -r -F
complete -c oplog-tail -s H -l header -d 'Add a request header; repeatable' -r -f
complete -c oplog-tail -l cacert -d 'Trust the certificate authorities in FILE too' -r -F
complete -c oplog-tail -l cert -d 'The client certificate, with its key or --key' -r -F
complete -c oplog-tail -l key -d 'The key of the client certificate' -r -F
complete -c oplog-tail -l proxy -d 'Connect through this HTTP proxy' -r -f
complete -c oplog-tail -l retries -d 'Retries before giving up [default: no limit]' -r -f
complete -c oplog-tail -l connect-timeout -d 'Give up connecting after DUR [default: 10s]' -r -f
complete -c oplog-tail -l read-timeout -d 'Reconnect after DUR without data [default: 60s]' -r -f
complete -c oplog-tail -l compare -d 'List how a dump of objects differs from the server' -r -F
complete -c oplog-tail -l generate -d 'Print the man page or a completion script' -r -f -a "man\t'The man page'
complete-bash\t'The completion script for bash'
complete-zsh\t'The completion script for zsh'
complete-fish\t'The completion script for fish'
complete-powershell\t'The completion script for PowerShell'"
complete -c oplog-tail -l demo -d 'Try it on a sample server inside this program'
complete -c oplog-tail -l allow-replication -d 'Same as --start-id 0'
complete -c oplog-tail -l rewind -d 'Ignore the saved position'
complete -c oplog-tail -l exact-resume -d 'Resume from a time as the Go client does'
complete -c oplog-tail -l no-repair -d 'Do not fetch objects that a replication misses'
complete -c oplog-tail -l until-live -d 'Stop at live, the end of the replication'
complete -c oplog-tail -l until-complete -d 'Stop once the replication is complete'
complete -c oplog-tail -l lag -d 'Show the delay of each operation'
complete -c oplog-tail -s q -l quiet -d 'Print fatal errors only'
complete -c oplog-tail -s v -l verbose -d 'Report more; -vv reports even more'
complete -c oplog-tail -l stats -d 'Print a summary at the end'
complete -c oplog-tail -l insecure -d 'Do not verify certificates'
complete -c oplog-tail -l check -d 'Check every agent: connection, clock, lost operations'
complete -c oplog-tail -s V -l version -d 'Print the version'
complete -c oplog-tail -s h -l help -d 'Print help; --help has more flags and explains all'
