# Completion of taskproc for bash 3.2 or newer. To use it: eval "$(taskproc completion bash)"

# Find the interpreter that the first lines of an executable name, and its completer; kept until another is asked for.
__taskproc_find() {
    local python second
    [[ $1 == "${__taskproc_exe-}" && -f ${__taskproc_completer-} ]] && return
    { IFS= read -r python && IFS= read -r second; } 2>/dev/null <"$1" || return
    if [[ $second == "'''exec' "* ]]; then # how the path of an interpreter is written if it has spaces, or is long
        python=${second#"'''exec' "} python=${python%' "$0" "$@"'}
        python=${python#[\"\']} python=${python%[\"\']}
    fi
    python=${python#'#!'}
    [[ ${python##*/} == *py* ]] || return
    __taskproc_completer=$("$python" -P -c 'import taskproc_cli.complete as c; print(c.__file__)' 2>/dev/null) || return
    __taskproc_exe=$1 __taskproc_python=$python
}

_taskproc() {
    local exe=${1-${COMP_WORDS[0]}} line typed=${COMP_LINE-}
    COMPREPLY=()
    exe=${exe/#\~/$HOME}
    if [[ $typed ]]; then
        typed=${typed:0:${COMP_POINT-${#typed}}}
    else # what calls this as bash does not may give the words alone
        local IFS=' '
        typed="${COMP_WORDS[*]:0:COMP_CWORD+1}"
    fi
    exe=$(type -P -- "${exe//\\/}") && __taskproc_find "$exe" || return
    while IFS= read -r line; do # the completer quotes, and puts a space behind what is complete
        COMPREPLY+=("$line")
    done < <("$__taskproc_python" -I -S "$__taskproc_completer" bash \
        "$COMP_WORDBREAKS" "$typed" 2>/dev/null)
}

complete -F _taskproc -o nospace taskproc
