
using namespace System.Management.Automation
using namespace System.Management.Automation.Language

Register-ArgumentCompleter -Native -CommandName 'oplog-tail' -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    $commandElements = $commandAst.CommandElements
    $command = @(
        'oplog-tail'
        for ($i = 1; $i -lt $commandElements.Count; $i++) {
            $element = $commandElements[$i]
            if ($element -isnot [StringConstantExpressionAst] -or
                $element.StringConstantType -ne [StringConstantType]::BareWord -or
                $element.Value.StartsWith('-') -or
                $element.Value -eq $wordToComplete) {
                break
        }
        $element.Value
    }) -join ';'

    $completions = @(switch ($command) {
        'oplog-tail' {
            [CompletionResult]::new('-u', '-u', [CompletionResultType]::ParameterName, 'The server; repeat it for several agents')
            [CompletionResult]::new('--url', '--url', [CompletionResultType]::ParameterName, 'The server; repeat it for several agents')
            [CompletionResult]::new('--types', '--types', [CompletionResultType]::ParameterName, 'Only objects of these types')
            [CompletionResult]::new('--parents', '--parents', [CompletionResultType]::ParameterName, 'Only objects with one of these parents')
            [CompletionResult]::new('-s', '-s', [CompletionResultType]::ParameterName, 'Keep the position in FILE')
            [CompletionResult]::new('--state', '--state', [CompletionResultType]::ParameterName, 'Keep the position in FILE')
            [CompletionResult]::new('--state-file', '--state-file', [CompletionResultType]::ParameterName, 'Keep the position in FILE')
            [CompletionResult]::new('--start-id', '--start-id', [CompletionResultType]::ParameterName, 'Start here: now, 0 or an id [default: now]')
            [CompletionResult]::new('--since', '--since', [CompletionResultType]::ParameterName, 'First print the objects changed since WHEN (2h, 10:00)')
            [CompletionResult]::new('--on-resume-failed', '--on-resume-failed', [CompletionResultType]::ParameterName, 'continue, replicate or exit [default: continue]')
            [CompletionResult]::new('--ack', '--ack', [CompletionResultType]::ParameterName, 'Acknowledge: auto, stdin or none [default: auto]')
            [CompletionResult]::new('--max-in-flight', '--max-in-flight', [CompletionResultType]::ParameterName, 'Maximum unacknowledged lines [default: 1000]')
            [CompletionResult]::new('-n', '-n', [CompletionResultType]::ParameterName, 'Stop after N lines')
            [CompletionResult]::new('--count', '--count', [CompletionResultType]::ParameterName, 'Stop after N lines')
            [CompletionResult]::new('--until', '--until', [CompletionResultType]::ParameterName, 'Stop when all before WHEN is printed')
            [CompletionResult]::new('--until-idle', '--until-idle', [CompletionResultType]::ParameterName, 'Stop after DUR (5s, 1h30m) without an operation')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'Stop after DUR in any case')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Format: auto, text or json [default: auto]')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Format: auto, text or json [default: auto]')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colour: auto, always or never [default: auto]')
            [CompletionResult]::new('--on-invalid', '--on-invalid', [CompletionResultType]::ParameterName, 'skip or exit [default: skip]')
            [CompletionResult]::new('--password', '--password', [CompletionResultType]::ParameterName, 'The password; others can see it in ps')
            [CompletionResult]::new('--password-file', '--password-file', [CompletionResultType]::ParameterName, 'Read the password from a file; - is stdin')
            [CompletionResult]::new('-H', '-H ', [CompletionResultType]::ParameterName, 'Add a request header; repeatable')
            [CompletionResult]::new('--header', '--header', [CompletionResultType]::ParameterName, 'Add a request header; repeatable')
            [CompletionResult]::new('--cacert', '--cacert', [CompletionResultType]::ParameterName, 'Trust the certificate authorities in FILE too')
            [CompletionResult]::new('--cert', '--cert', [CompletionResultType]::ParameterName, 'The client certificate, with its key or --key')
            [CompletionResult]::new('--key', '--key', [CompletionResultType]::ParameterName, 'The key of the client certificate')
            [CompletionResult]::new('--proxy', '--proxy', [CompletionResultType]::ParameterName, 'Connect through this HTTP proxy')
            [CompletionResult]::new('--retries', '--retries', [CompletionResultType]::ParameterName, 'Retries before giving up [default: no limit]')
            [CompletionResult]::new('--connect-timeout', '--connect-timeout', [CompletionResultType]::ParameterName, 'Give up connecting after DUR [default: 10s]')
            [CompletionResult]::new('--read-timeout', '--read-timeout', [CompletionResultType]::ParameterName, 'Reconnect after DUR without data [default: 60s]')
            [CompletionResult]::new('--compare', '--compare', [CompletionResultType]::ParameterName, 'List how a dump of objects differs from the server')
            [CompletionResult]::new('--generate', '--generate', [CompletionResultType]::ParameterName, 'Print the man page or a completion script')
            [CompletionResult]::new('--demo', '--demo', [CompletionResultType]::ParameterName, 'Try it on a sample server inside this program')
            [CompletionResult]::new('--allow-replication', '--allow-replication', [CompletionResultType]::ParameterName, 'Same as --start-id 0')
            [CompletionResult]::new('--rewind', '--rewind', [CompletionResultType]::ParameterName, 'Ignore the saved position')
            [CompletionResult]::new('--exact-resume', '--exact-resume', [CompletionResultType]::ParameterName, 'Resume from a time as the Go client does')
            [CompletionResult]::new('--no-repair', '--no-repair', [CompletionResultType]::ParameterName, 'Do not fetch objects that a replication misses')
            [CompletionResult]::new('--until-live', '--until-live', [CompletionResultType]::ParameterName, 'Stop at live, the end of the replication')
            [CompletionResult]::new('--until-complete', '--until-complete', [CompletionResultType]::ParameterName, 'Stop once the replication is complete')
            [CompletionResult]::new('--lag', '--lag', [CompletionResultType]::ParameterName, 'Show the delay of each operation')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print fatal errors only')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print fatal errors only')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Report more; -vv reports even more')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Report more; -vv reports even more')
            [CompletionResult]::new('--stats', '--stats', [CompletionResultType]::ParameterName, 'Print a summary at the end')
            [CompletionResult]::new('--insecure', '--insecure', [CompletionResultType]::ParameterName, 'Do not verify certificates')
            [CompletionResult]::new('--check', '--check', [CompletionResultType]::ParameterName, 'Check every agent: connection, clock, lost operations')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print the version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print the version')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help; --help has more flags and explains all')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help; --help has more flags and explains all')
            break
        }
    })

    $completions.Where{ $_.CompletionText -like "$wordToComplete*" } |
        Sort-Object -Property ListItemText
}
