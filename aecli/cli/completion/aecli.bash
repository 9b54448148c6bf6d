# Completion of aecli in bash. Installed by `aecli completion bash --install`.

_aecli() {
    local rest="${COMP_LINE:0:COMP_POINT}" word stripped line current breaks files prefix suffix path i
    local -a words=()

    # COMP_WORDS is split at characters such as : = @ too; join what no space separates.
    for ((i = 0; i < COMP_CWORD; i++)); do
        word="${COMP_WORDS[i]}"
        stripped="${rest#"${rest%%[![:space:]]*}"}"
        if [[ "$stripped" == "$rest" && ${#words[@]} -gt 0 ]]; then
            words[${#words[@]}-1]+="$word"
        else
            words+=("$word")
        fi
        rest="${stripped#"$word"}"
    done
    if [[ "$rest" == [[:space:]]* ]]; then
        words+=("${rest#"${rest%%[![:space:]]*}"}")
    else
        words[${#words[@]}-1]+="$rest"
    fi
    current="${words[${#words[@]}-1]}"

    # bash replaces only what follows the last of these characters.
    breaks="${COMP_WORDBREAKS//[!:=@]/}"
    prefix=""
    if [[ -n "$breaks" && "$current" == *[$breaks]* ]]; then
        prefix="${current%"${current##*[$breaks]}"}"
        prefix="${prefix%@}" # an @ belongs to what follows it
    fi

    COMPREPLY=()
    files=""
    while IFS= read -r line; do
        if [[ -z "$files" ]]; then
            files="$line"
            continue
        fi
        word="${line%%$'\t'*}"
        COMPREPLY+=("${word#"$prefix"}")
        [[ "$word" == *[=:.] ]] && compopt -o nospace
    done < <("$1" __complete "${words[@]:1}" 2>/dev/null)

    [[ "$files" == none || -z "$files" ]] && return
    compopt -o filenames
    [[ "$current" == --*=* ]] && current="${current#*=}"
    while IFS= read -r path; do
        if [[ -d "$path" || "$files" == files ]]; then
            COMPREPLY+=("$path")
        elif [[ "$files" == "files "* ]]; then
            for suffix in ${files#files }; do
                [[ "$path" == *"$suffix" ]] && COMPREPLY+=("$path")
            done
        fi
    done < <(compgen -f -- "${current}")
}

complete -F _aecli aecli
