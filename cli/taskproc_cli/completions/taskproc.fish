# Completion of taskproc for fish 3.1 or newer. To use it: taskproc completion fish | source

# Find the interpreter that the first lines of an executable name, and its completer; kept until another is asked for.
function __taskproc_find
    test "$argv[1]" = "$__taskproc_exe" -a -f "$__taskproc_completer"; and return
    read --line --local python second <$argv[1]; or return
    # how the path of an interpreter is written if it has spaces, or is long
    set -l long (string match --regex -- "^'''exec' (['\"]?)(.*)\1 \"\\\$0\" \"\\\$@\"\$" $second)
    and set python $long[3]
    set python (string replace '#!' '' -- $python)
    string match --quiet --regex 'py[^/]*$' -- $python; or return
    set -g __taskproc_completer ($python -P -c 'import taskproc_cli.complete as c; print(c.__file__)' 2>/dev/null)
    and set -g __taskproc_exe $argv[1]
    and set -g __taskproc_python $python
end

function __taskproc_complete
    set -l words (commandline --tokenize --cut-at-cursor --current-process)
    set -l current (commandline --cut-at-cursor --current-token)
    set -l exe (command -s -- (string replace --regex '^~' "$HOME" -- $words[1]))
    and __taskproc_find $exe
    and $__taskproc_python -I -S $__taskproc_completer fish $words "$current" 2>/dev/null
end

complete --command taskproc --no-files --keep-order --arguments '(__taskproc_complete)'
